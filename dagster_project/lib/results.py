"""What a step reports, as metadata and checks that Dagster shows and plots."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from ingestion.outcomes import of_statuses
from ingestion.run import AccountOutcome, Status, StepOutcome

EVERY_ACCOUNT_COMPLETED = "every_account_completed"

# It is generic over a value handed on in memory, of which a table has none. Dagster recognises the
# bare class alone.
if TYPE_CHECKING:
    Materialized = dg.MaterializeResult[Any]
else:
    Materialized = dg.MaterializeResult

_COLUMNS = (
    "account", "status", "reason", "resumes", "window",
    "received", "inserted", "updated", "unchanged", "quarantined", "superseded", "seconds",
)  # fmt: skip
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|~-])")


def outcome_check(key: dg.AssetKey) -> dg.AssetCheckSpec:
    """Describe the check that every step answers about itself."""
    return dg.AssetCheckSpec(
        EVERY_ACCOUNT_COMPLETED,
        asset=key,
        description="Red for accounts that failed; a warning where one will go by itself later.",
    )


def materialized(context: dg.AssetExecutionContext, outcome: StepOutcome) -> Materialized:
    """Turn the outcome of a step into its metadata and its check."""
    report = metadata(outcome)
    checks = [_outcome_result(context.asset_key, outcome)]
    if context.has_partition_key_range and context.assets_def.partitions_def is not None:
        # Dagster repeats a result's metadata for every day of the range: thousands of copies.
        context.add_asset_metadata(
            report, context.asset_key, partition_key=context.partition_key_range.end
        )
        return dg.MaterializeResult(check_results=checks)
    return dg.MaterializeResult(metadata=report, check_results=checks)


def metadata(outcome: StepOutcome) -> dict[str, Any]:
    """Return the numbers of a step, which Dagster plots over runs, and a row per account."""
    counts = outcome.counts
    numbers: dict[str, Any] = {
        "received": outcome.received,
        "inserted": counts.inserted,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "quarantined": outcome.quarantined,
        "accounts": len(outcome.accounts),
        "accounts_unfinished": len(outcome.unfinished),
        "seconds": round(outcome.seconds, 3),
    }
    if outcome.accounts:
        numbers["outcomes"] = table(_COLUMNS, [_row(account) for account in outcome.accounts])
    return numbers


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> dg.MarkdownMetadataValue:
    """Return a table that shows every text as it is: no markup, HTML or column break of its own."""
    lines = [columns, ["---"] * len(columns)]
    body = [[escaped(value) for value in row] for row in rows]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(line)} |" for line in [*lines, *body]))


def escaped(value: object) -> str:
    """Return text that Markdown and HTML both leave alone; None is empty."""
    if value is None:
        return ""
    text = html.escape(" ".join(str(value).split()), quote=False)
    return _MARKUP.sub(r"\\\1", text)


def _row(account: AccountOutcome) -> list[object]:
    counts = account.counts
    return [
        account.label,
        account.status.value,
        account.reason,
        account.resumes_at.isoformat(timespec="seconds") if account.resumes_at else None,
        account.window,
        account.received,
        counts.inserted,
        counts.updated,
        counts.unchanged,
        account.quarantined,
        account.superseded,
        f"{account.seconds:.2f}",
    ]


def _outcome_result(key: dg.AssetKey, outcome: StepOutcome) -> dg.AssetCheckResult:
    failed = [a for a in outcome.accounts if a.status is Status.FAILED]
    reasons: Mapping[str, Any] = (
        {"reasons": table(_COLUMNS[:4], [_row(account)[:4] for account in outcome.unfinished])}
        if outcome.unfinished
        else {}
    )
    deferred = len(outcome.unfinished) - len(failed)
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=EVERY_ACCOUNT_COMPLETED,
        passed=not outcome.unfinished,
        severity=dg.AssetCheckSeverity.ERROR if failed else dg.AssetCheckSeverity.WARN,
        description=f"{len(failed)} failed, {deferred} deferred, {len(outcome.accounts)} in all",
        metadata={
            "outcome": of_statuses(account.status for account in outcome.accounts).value,
            "failed": len(failed),
            "deferred": deferred,
            **reasons,
        },
    )
