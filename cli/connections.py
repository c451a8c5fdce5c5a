"""``farthing connections``: how consents and keys stand, and what can be done about it."""

from __future__ import annotations

import datetime as dt
import math
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import typer
from rich.text import Text
from sqlalchemy.orm import Session

from cli import connect as connect_command
from cli.accounts import print_questions
from cli.output import (
    BAD,
    DOUBTFUL,
    GOOD,
    count,
    heading,
    minute,
    print_json,
    print_table,
    say,
    short,
)
from cli.session import choose_connection, choose_user, opened
from farthing import clock
from ingestion import connect
from postgres.common.enums import ConnectionStatus, JobStatus, Provider
from postgres.common.models import Connection, Institution, Job
from postgres.common.operations import connections, jobs
from postgres.gocardless.placement import list_questions

_SOON_DAYS = 14
_COLOURS = {
    ConnectionStatus.ACTIVE: GOOD,
    ConnectionStatus.PENDING: DOUBTFUL,
    ConnectionStatus.EXPIRED: BAD,
    ConnectionStatus.ERROR: BAD,
}


@dataclass(frozen=True, slots=True)
class Summary:
    """A connection with what matters about it.

    :param days_left: whole days until the consent ends, none below 0; None if it does not end.
    :param problem: what is wrong, in one line; None if nothing is.
    """

    connection: Connection
    institution: Institution
    last_success: dt.datetime | None
    days_left: int | None
    problem: str | None

    @property
    def needs(self) -> str | None:
        """What keeps the consent alive at its end: confirm or renew; None if it has none."""
        if self.days_left is None:
            return None
        return "confirm" if self.connection.is_reconfirmable else "renew"

    def to_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "id": self.connection.id,
            "institution": self.institution.name,
            "provider": self.connection.provider,
            "status": self.connection.status,
            "consent_expires_at": self.connection.consent_expires_at,
            "consent_days_left": self.days_left,
            "needs": self.needs,
            "last_success_at": self.last_success,
            "problem": self.problem,
        }


def summaries(session: Session, user_id: uuid.UUID) -> Sequence[Summary]:
    """Return a user's connections, the oldest first."""
    last_jobs = jobs.last_jobs(session, user_id)
    last_success = jobs.last_success(session, user_id)
    now = clock.now()
    return [
        Summary(
            connection,
            institution,
            last_success.get(connection.id),
            _days_left(connection, now),
            _problem(connection, last_jobs.get(connection.id)),
        )
        for connection, institution in connections.list_with_institutions(session, user_id=user_id)
    ]


def show(user: str | None, *, as_json: bool) -> None:
    """List one user's connections."""
    with opened() as ledger, ledger.database.sessions() as session:
        owner = choose_user(session, user)
        found = summaries(session, owner.id)
        asked = list_questions(session, user_id=owner.id)
    if as_json:
        print_json([each.to_json() for each in found])
    else:
        print_summaries(found)
        print_questions(asked)


def print_summaries(found: Sequence[Summary]) -> None:
    """Print connections as a table."""
    heading("Connections")
    if not found:
        say("None yet; begin with `farthing connect`.")
        return
    print_table(
        ("Id", "Institution", "Status", "Consent", "Last success (UTC)", "Problem"),
        [
            (
                short(each.connection.id),
                each.institution.name,
                Text(each.connection.status.value, _COLOURS[each.connection.status]),
                _consent(each),
                minute(each.last_success) or Text("never", DOUBTFUL),
                each.problem,
            )
            for each in found
        ],
    )


def renew(prefix: str, *, wait: bool) -> None:
    """Print the link on which a consent is confirmed or given anew, and wait for it if asked to."""
    with (
        opened(asks_providers=True) as ledger,
        connect_command.explained(),
        connect_command.returning(wait=wait) as visit,
    ):
        with ledger.database.sessions() as session:
            connection, _ = choose_connection(session, prefix)
        consent = connect.renew_consent(
            ledger.run,
            connection.user_id,
            connection.id,
            redirect=visit.url if visit else connect_command.REDIRECT,
        )
        connect_command.hand_over(ledger.run, consent, visit)


def remove(prefix: str, *, erase: bool) -> None:
    """End a connection, and delete what was read if that is wanted."""
    with opened(asks_providers=True) as ledger, connect_command.explained():
        with ledger.database.sessions() as session:
            connection, institution = choose_connection(session, prefix)
        name = institution.name
        if erase and sys.stdin.isatty():
            typer.confirm(f"Delete {name} with all its accounts and history?", abort=True)
        connect.remove_connection(ledger.run, connection.user_id, connection.id, erase=erase)
    kept = "its accounts and their history are deleted" if erase else "what was read stays"
    say(f"{name} is no longer connected; {kept}.")


def _days_left(connection: Connection, now: dt.datetime) -> int | None:
    if connection.consent_expires_at is None:
        return None
    return max(0, math.floor((connection.consent_expires_at - now) / dt.timedelta(days=1)))


def _consent(summary: Summary) -> Text:
    if summary.days_left is None:
        needs_none = summary.connection.provider is not Provider.GOCARDLESS
        return Text("no end" if needs_none else "not given yet")
    soon = summary.days_left <= _SOON_DAYS
    until = " to confirm" if summary.connection.is_reconfirmable else ""
    return Text(f"{count(summary.days_left, 'day')} left{until}", DOUBTFUL if soon else "")


def _problem(connection: Connection, job: Job | None) -> str | None:
    if connection.status_reason:
        renew = f"`farthing connections renew {short(connection.id)}`"
        return connection.status_reason.replace("renew the connection", renew)
    if job is None or job.status is JobStatus.COMPLETED:
        return None
    reasons = [
        f"{entry['account']}: {entry['reason']}"
        for outcome in job.outcome.values()
        for entry in outcome["accounts"]
        if entry.get("reason")
    ]
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return f"{reasons[0]}{more}" if reasons else None
