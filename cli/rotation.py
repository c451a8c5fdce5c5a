"""``farthing db rotate-keys``: every stored secret anew with the newest key."""

from __future__ import annotations

from collections import Counter, defaultdict
from uuid import UUID

from cli.output import print_table, say, working
from cli.session import bring_up_to_date
from farthing import secrets
from farthing.secrets import SecretBox
from farthing.settings import Settings
from postgres.database import open_database
from postgres.rotation import rotate

_DONE, _PARTLY = 0, 3


def rotate_keys(*, with_new_key: bool) -> int:
    """Rotate, and say how much there was to do in each column.

    :param with_new_key: generate the newest key into the key file first.
    :returns: 0 if every secret is encrypted with the newest key now, 3 if some do not decrypt.
    :raises ConfigurationError: if a key is malformed, or a new one is wanted that is not in a file.
    """
    settings = Settings.load()
    box = SecretBox.from_settings(settings)
    with open_database(settings) as database:
        bring_up_to_date(database)
        if with_new_key:
            secrets.add_new_key(settings)
            box = SecretBox.from_settings(settings)
        renewed, current = Counter[str](), Counter[str]()
        unreadable: dict[str, list[UUID]] = defaultdict(list)
        with working("Encrypting with the newest key"):
            for batch in rotate(database.sessions, box):
                renewed[batch.place] += batch.renewed
                current[batch.place] += batch.current
                unreadable[batch.place] += batch.unreadable
    print_table(
        ("Column", "Renewed", "Already newest", "Unreadable"),
        [
            (place, str(renewed[place]), str(current[place]), str(len(lost)))
            for place, lost in unreadable.items()
        ],
        numbers=("Renewed", "Already newest", "Unreadable"),
    )
    if not any(unreadable.values()):
        say("Every secret is encrypted with the newest key.")
        return _DONE
    say("No key opens these, or they were moved; they were left as they are:")
    for place, lost in unreadable.items():
        for row_id in lost:
            say(f"  {place} of row {row_id}")
    return _PARTLY
