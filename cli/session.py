"""What a command works with: the settings, the database at this version's schema, and a run.

A command that needs the ledger migrates it first. Whoever hosts this for themselves updates the
code and goes on; a schema that lags behind would only greet them with an error that tells them to
do what could have been done. It happens once, under a lock, and in one transaction.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from sqlalchemy.orm import Session

from cli import demo_home
from cli.errors import WrongUseError
from cli.output import note
from farthing.secrets import SecretBox
from farthing.settings import Settings
from ingestion.run import Run
from postgres import migrate
from postgres.auth.models import User
from postgres.auth.operations import users
from postgres.common.models import Connection, Institution
from postgres.common.operations import connections
from postgres.database import Database, open_database

Connected = tuple[Connection, Institution]


@dataclass(frozen=True, slots=True)
class Opened:
    """An open ledger.

    :param run: for what the command does itself; a sync has its own.
    """

    settings: Settings
    database: Database
    run: Run


@contextmanager
def opened(*, asks_providers: bool = False) -> Iterator[Opened]:
    """Open the ledger that the environment names.

    :param asks_providers: in the home of a demo, the sandbox runs meanwhile.
    :raises ConfigurationError: if a setting is malformed; nothing is started then.
    :raises DatabaseUnavailableError: if the database does not answer.
    """
    settings = Settings.load()
    secrets = SecretBox.from_settings(settings)
    with ExitStack() as stack:
        if asks_providers:
            sandbox = stack.enter_context(demo_home.providers(settings))
            settings = Settings.load()
        database = stack.enter_context(open_database(settings))
        bring_up_to_date(database)
        if asks_providers and sandbox is not None:
            # Only now, because it starts as slowly as a database.
            sandbox.wait()
        run = Run(f"command:{uuid.uuid4()}", database.sessions, settings, secrets)
        yield Opened(settings, database, run)


def bring_up_to_date(database: Database) -> bool:
    """Migrate to this version's schema, and say so unless it was a new database.

    :returns: whether anything had to be done.
    :raises SchemaTooNewError: if a later version has migrated it.
    """
    with database.engine.connect() as connection:
        before = migrate.current_revision(connection)
    changed = migrate.upgrade(database.engine)
    if changed and before is not None:
        note(f"the database was upgraded from schema {before} to {migrate.head_revision()}")
    return changed


def choose_user(session: Session, name: str | None) -> User:
    """Return the user that is meant.

    :param name: unset, the only one there is.
    :raises WrongUseError: if there is no such user, or more than one to choose from.
    """
    everyone = users.list_users(session).items
    names = ", ".join(user.name for user in everyone)
    if not everyone:
        message = "there is no user yet; create one with `farthing user create NAME`"
        raise WrongUseError(message)
    if name is None:
        if len(everyone) > 1:
            message = f"there are several users ({names}); say which one with --user NAME"
            raise WrongUseError(message)
        return everyone[0]
    user = users.get_user_by_name(session, name)
    if user is None:
        message = f"there is no user {name!r}; there is {names}"
        raise WrongUseError(message)
    return user


def choose_connection(session: Session, prefix: str) -> Connected:
    """Return the connection that an id, or the start of one, means; of any user.

    :raises WrongUseError: if it means none or several.
    """
    known = {row[0].id: row for row in connections.list_with_institutions(session)}
    return known[match(prefix, known, what="connection", listed_by="farthing connections")]


def match(prefix: str, ids: Iterable[uuid.UUID], *, what: str, listed_by: str) -> uuid.UUID:
    """Return the only id that starts so.

    :param listed_by: the command that shows the ids.
    :raises WrongUseError: if none does, or several do.
    """
    wanted = prefix.strip().lower().replace("-", "")
    found = [each for each in ids if wanted and each.hex.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        message = f"{len(found)} {what}s start with {prefix!r}; type more of the id"
    else:
        message = f"there is no {what} {prefix!r}; `{listed_by}` shows them"
    raise WrongUseError(message)
