"""``farthing replay``: the ledger once more from what the providers answered."""

from __future__ import annotations

from cli.output import count, print_json, print_table, say, working
from cli.session import match, opened
from ingestion.replay import replay
from ingestion.run import Status, StepOutcome
from postgres.common.operations import accounts

DONE, FAILED, PARTLY = 0, 1, 3


def run(account: str | None, *, as_json: bool) -> int:
    """Replay one account or all, and say what reads differently now.

    :returns: 0 if every account was replayed, 3 if some were not, 1 if none was.
    :raises WrongUseError: if the id means no account, or several.
    """
    with opened() as ledger:
        with ledger.database.sessions() as session:
            known = {each.account.id for each in accounts.list_account_totals(session)}
        chosen = account and match(
            account, known, what="account", listed_by="farthing status --json"
        )
        with working("Reading what the providers answered"):
            outcome = replay(ledger.run, account_id=chosen or None)
    show(outcome, as_json=as_json)
    if not outcome.unfinished:
        return DONE
    return FAILED if len(outcome.unfinished) == len(outcome.accounts) else PARTLY


def show(outcome: StepOutcome, *, as_json: bool) -> None:
    """Print what became of each account."""
    if as_json:
        print_json(
            [
                {
                    "account": each.label,
                    "status": each.status.value,
                    "reason": each.reason,
                    "new": each.counts.inserted,
                    "changed": each.counts.updated,
                    "unchanged": each.counts.unchanged,
                }
                for each in outcome.accounts
            ]
        )
        return
    print_table(
        ("Account", "New", "Changed", "As before", "Outcome"),
        [
            (
                each.label,
                f"{each.counts.inserted:,}",
                f"{each.counts.updated:,}",
                f"{each.counts.unchanged:,}",
                each.status.value if each.status is Status.COMPLETED else each.reason,
            )
            for each in outcome.accounts
        ],
        numbers=("New", "Changed", "As before"),
    )
    written = outcome.counts.written
    say(f"{count(written, 'row')} differently." if written else "The ledger is what it was.")
