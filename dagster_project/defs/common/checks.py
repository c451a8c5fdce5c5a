"""Whether the ledger adds up, and whether everything is in it."""

from collections.abc import Sequence

import dagster as dg

from dagster_project.defs.common.assets import (
    accounts,
    balance_snapshots,
    connections,
    trades,
    transactions,
)
from dagster_project.lib.resources import Ledger
from dagster_project.lib.results import table
from farthing import clock
from ingestion import ledger as projections
from ingestion import proofs
from postgres.common.operations import connections as permissions
from postgres.common.operations import quarantine
from postgres.common.operations.notifications import CONSENT_WARNING_DAYS
from postgres.gocardless import placement
from postgres.trading212.proofs import Disagreement

_CONSENT = ("institution", "days left", "ends", "needs", "reason")
_COLUMNS = (
    "account",
    "currency",
    "reported",
    "computed",
    "drift",
    "reported at",
    "drifts since",
    "agrees since",
)
_ITEMS = ("account", "about", "item", "day", "stated", "found", "currency")


@dg.asset_check(asset=balance_snapshots, additional_deps=[transactions])
def balances_reconcile(ledger: Ledger) -> dg.AssetCheckResult:
    """Compare opening balance plus booked rows with the booked balances that the bank reports.

    It warns of accounts that agree again: some bank dated a row anew, or told of it late.
    """
    with ledger.run() as run:
        accounts = projections.reconcile(run)
    drifted = [account for account in accounts if account.drift]
    wrong = [account for account in accounts if account.drift or account.drifts_since]
    rows = [
        (
            f"{account.institution}, {account.name}",
            account.currency,
            account.reported,
            account.computed,
            account.drift,
            account.observed_at,
            account.drifts_since,
            account.agrees_since,
        )
        for account in wrong
    ]
    return dg.AssetCheckResult(
        passed=not wrong,
        severity=dg.AssetCheckSeverity.ERROR if drifted else dg.AssetCheckSeverity.WARN,
        description=f"{len(drifted)} of {len(accounts)} accounts drift",
        metadata={
            "accounts": len(accounts),
            "drifted": len(drifted),
            "agree_again": len(wrong) - len(drifted),
            "unknown": sum(account.drift is None for account in accounts),
            **({"drifts": table(_COLUMNS, rows)} if rows else {}),
        },
    )


@dg.asset_check(asset=transactions)
def quarantine_is_empty(ledger: Ledger) -> dg.AssetCheckResult:
    """Look for rows that a provider delivered and the ledger has no place for."""
    with ledger.run() as run, run.sessions.begin() as session:
        rows = quarantine.count_quarantine(session)
    return dg.AssetCheckResult(
        passed=rows == 0,
        description=f"{rows} rows are set aside" if rows else "nothing is set aside",
        metadata={"rows": rows},
    )


@dg.asset_check(asset=connections)
def consents_last(ledger: Ledger) -> dg.AssetCheckResult:
    """Count the days until each consent ends: a warning two weeks before, red once one has."""
    with ledger.run() as run, run.sessions.begin() as session:
        consents = permissions.list_consents(session, now=clock.now())
    ending = [each for each in consents if each.days <= max(CONSENT_WARNING_DAYS)]
    ended = [each for each in ending if each.days == 0]
    rows = [
        (
            each.institution.name,
            each.days,
            each.connection.consent_expires_at,
            each.needs,
            each.connection.status_reason,
        )
        for each in consents
    ]
    return dg.AssetCheckResult(
        passed=not ending,
        severity=dg.AssetCheckSeverity.ERROR if ended else dg.AssetCheckSeverity.WARN,
        description=f"{len(ended)} ended, {len(ending) - len(ended)} end soon, {len(rows)} in all",
        metadata={
            "ended": len(ended),
            "ending": len(ending) - len(ended),
            **({"fewest days left": min(each.days for each in consents)} if consents else {}),
            **({"consents": table(_CONSENT, rows)} if rows else {}),
        },
    )


@dg.asset_check(asset=accounts)
def accounts_are_known(ledger: Ledger) -> dg.AssetCheckResult:
    """Look for accounts of which the user has to say which they are."""
    with ledger.run() as run, run.sessions.begin() as session:
        asked = [each.label for each in placement.list_questions(session)]
    return dg.AssetCheckResult(
        passed=not asked,
        description=f"{len(asked)} wait for an answer; see `farthing accounts`",
        metadata={"waiting": len(asked)},
    )


@dg.asset_check(asset=trades, additional_deps=[transactions, balance_snapshots])
def brokers_follow_from_their_history(ledger: Ledger) -> dg.AssetCheckResult:
    """Rebuild shares, costs, profits and cash from what happened, and compare with the broker's."""
    with ledger.run() as run, run.sessions.begin() as session:
        wrong = proofs.replay_accounts(session)
    return _agreement(wrong, "all of it follows from the history")


@dg.asset_check(asset=trades)
def prices_make_up_the_money(ledger: Ledger) -> dg.AssetCheckResult:
    """Compare shares times price times rate with the money of each trade and holding."""
    with ledger.run() as run:
        wrong = proofs.check_prices(run)
    return _agreement(wrong, "every price makes up its money")


@dg.asset_check(asset=transactions)
def kinds_are_known(ledger: Ledger) -> dg.AssetCheckResult:
    """Look for rows of a broker that are kept and that nobody knows what to make of."""
    with ledger.run() as run:
        unknown = proofs.list_unknown_rows(run)
    return dg.AssetCheckResult(
        passed=not unknown,
        severity=dg.AssetCheckSeverity.WARN,
        description=(
            f"{len(unknown)}; the first: {unknown[0].what}, {unknown[0].item}"
            if unknown
            else "all are known"
        ),
        metadata={"rows": len(unknown), **_items(unknown)},
    )


def _agreement(wrong: Sequence[Disagreement], fine: str) -> dg.AssetCheckResult:
    """Say whether broker and ledger agree, and the first item of which they do not."""
    return dg.AssetCheckResult(
        passed=not wrong,
        description=wrong[0].describe() if wrong else fine,
        metadata={"disagreements": len(wrong), **_items(wrong)},
    )


def _items(found: Sequence[Disagreement]) -> dict[str, dg.MarkdownMetadataValue]:
    rows = [
        (each.account, each.what, each.item, each.on_day, each.stated, each.found, each.currency)
        for each in found
    ]
    return {"items": table(_ITEMS, rows)} if rows else {}
