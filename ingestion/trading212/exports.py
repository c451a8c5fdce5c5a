"""Reports as CSV, for what no history has: what was paid by card.

Each one is announced to the user by Trading 212, so they are asked for only where the user wants
them, once a week, and for the days since the last one. A report takes minutes: it is asked for in
one run and stored by a later one.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

from sqlalchemy.orm import Session

from farthing import clock
from ingestion.run import AccountOutcome, Run, Status, StepOutcome
from ingestion.trading212.targets import (
    Account,
    accounts,
    for_accounts,
    lock_account,
    open_client,
)
from postgres.core import WriteCounts
from postgres.identity.answers import Evidence, identify
from postgres.payload import content_hash, storable
from postgres.trading212.models import Export
from postgres.trading212.operations import export_rows, exports
from providers.errors import UnexpectedResponse
from providers.trading212.client import Trading212Client
from providers.trading212.errors import LABEL, PROVIDER
from providers.trading212.reports import FINISHED, read_report, read_row

TABLE = "trading212.exports"

_INCLUDED = {
    "includeDividends": False,
    "includeInterest": False,
    "includeOrders": False,
    "includeTransactions": True,
}
_LONGEST = dt.timedelta(days=365)
# There was no card before.
_FIRST = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
# Card payments reach a report once they are settled; the last days are asked for again.
_OVERLAP = dt.timedelta(days=14)
_EVERY = dt.timedelta(days=7)
_POLL = dt.timedelta(minutes=2)
_GIVEN_UP = dt.timedelta(hours=6)
"""After which a report that does not come is asked for anew."""


def pull_exports(run: Run) -> StepOutcome:
    """Store the reports that have come, and ask for the next one, where the user wants them."""

    def pull(account: Account) -> AccountOutcome:
        with open_client(run, account) as client:
            return _Reports(run, account, client).pull()

    wanted = [account for account in accounts(run) if account.api_key.reads_exports]
    return for_accounts(run, TABLE, pull, wanted)


class _Reports:
    def __init__(self, run: Run, account: Account, client: Trading212Client) -> None:
        self._run, self._account, self._client = run, account, client
        self._received = 0
        self._counts = WriteCounts()
        self._quarantined = 0

    def pull(self) -> AccountOutcome:
        waiting = self._take_in()
        if not waiting:
            waiting = self._ask()
        return AccountOutcome(
            self._account.connection_id,
            self._account.label,
            Status.DEFERRED if waiting else Status.COMPLETED,
            reason="Trading 212 is still at work on the report" if waiting else None,
            resumes_at=clock.now() + _POLL if waiting else None,
            received=self._received,
            counts=self._counts,
            quarantined=self._quarantined,
        )

    def _take_in(self) -> bool:
        """Store the reports that have come, and tell whether one is still to come."""
        with self._run.sessions.begin() as session:
            opened = {
                export.report_id: export
                for export in exports.list_open(
                    session, self._account.user_id, api_key_id=self._account.api_key.id
                )
            }
        if not opened:
            return False
        listed = {report.get("reportId"): report for report in self._client.exports().payload
                  if isinstance(report, dict)}  # fmt: skip
        waits = False
        for report_id, export in opened.items():
            report = listed.get(report_id)
            if report is None or report.get("status") != FINISHED:
                self._note(export, report)
                waits = waits or self._still_comes(export, report)
                continue
            self._store(export, report)
        return waits

    @staticmethod
    def _still_comes(export: Export, report: Any) -> bool:
        status = report.get("status") if report else None
        ended = status in ("Canceled", "Failed")
        return not ended and clock.now() - export.requested_at < _GIVEN_UP

    def _note(self, export: Export, report: Any) -> None:
        status = str(report.get("status")) if report else export.status
        if clock.now() - export.requested_at >= _GIVEN_UP:
            status = "Failed"
        with self._run.sessions.begin() as session:
            self._land_export(session, export, status, report or export.payload)

    def _store(self, export: Export, report: dict[str, Any]) -> None:
        link = report.get("downloadLink")
        if not isinstance(link, str):
            message = f"{LABEL}: a finished report has no link"
            raise UnexpectedResponse(message, provider=PROVIDER)
        read = read_report(self._client.download(link))
        rows = self._rows(read)
        with self._run.sessions.begin() as session:
            stamp = self._land_export(session, export, FINISHED, report)
            self._counts += export_rows.land(
                session,
                self._account.user_id,
                api_key_id=self._account.api_key.id,
                rows=rows,
                stamp=stamp,
            )
            exports.mark_landed(session, self._account.user_id, export.id, at=clock.now())
        self._received += len(read)
        self._quarantined += sum(1 for _, columns in rows if columns["refusal"])

    def _land_export(
        self, session: Session, export: Export, status: str, report: dict[str, Any]
    ) -> Any:
        stamp = lock_account(session, self._account, self._run)
        exports.land(
            session,
            self._account.user_id,
            api_key_id=self._account.api_key.id,
            report_id=export.report_id,
            status=status,
            time_from=export.time_from,
            time_to=export.time_to,
            requested_at=export.requested_at,
            payload=_without_link({**report, "status": status}),
            stamp=stamp,
        )
        return stamp

    @staticmethod
    def _rows(read: list[dict[str, str]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        rows, occurrences = [], Counter[str]()
        taken: set[str] = set()
        facts = [read_row(row) for row in read]
        evidence = [
            Evidence(fact.key, (content_hash(row),) if fact.key is None else ())
            for row, fact in zip(read, facts, strict=True)
        ]
        verdicts = identify(evidence, occurrences)
        for row, fact, verdict in zip(read, facts, verdicts, strict=True):
            if verdict.key in taken:
                continue
            taken.add(verdict.key)
            columns = {
                "identity_key": verdict.key,
                "occurred_at": fact.occurred_at,
                "refusal": fact.refusal,
            }
            rows.append((storable(row)[0], columns))
        return rows

    def _ask(self) -> bool:
        """Ask for the days that no report has yet, and tell whether one was asked for."""
        with self._run.sessions.begin() as session:
            through = exports.landed_through(
                session, self._account.user_id, api_key_id=self._account.api_key.id
            )
        now = clock.now()
        if through is not None and now - through < _EVERY:
            return False
        time_from = _FIRST if through is None else through - _OVERLAP
        time_to = min(now, time_from + _LONGEST)
        body = {
            "dataIncluded": _INCLUDED,
            "timeFrom": time_from.isoformat().replace("+00:00", "Z"),
            "timeTo": time_to.isoformat().replace("+00:00", "Z"),
        }
        answer = self._client.request_export(body).payload
        report_id = answer.get("reportId")
        if type(report_id) is not int:
            message = f"{LABEL} took the wish for a report without a number for it"
            raise UnexpectedResponse(message, provider=PROVIDER)
        with self._run.sessions.begin() as session:
            exports.land(
                session,
                self._account.user_id,
                api_key_id=self._account.api_key.id,
                report_id=report_id,
                status="Queued",
                time_from=time_from,
                time_to=time_to,
                requested_at=now,
                payload={**body, **answer},
                stamp=lock_account(session, self._account, self._run),
            )
        return True


def _without_link(report: dict[str, Any]) -> dict[str, Any]:
    payload: dict[str, Any] = storable(
        {name: value for name, value in report.items() if name != "downloadLink"}
    )[0]
    return payload
