"""Pull Trading 212 and land it raw, account by account."""

from ingestion.trading212.exports import pull_exports
from ingestion.trading212.histories import (
    pull_cash_transactions,
    pull_dividends,
    pull_orders,
    resume_points,
)
from ingestion.trading212.holdings import (
    pull_account_summary,
    pull_pending_orders,
    pull_pies,
    pull_positions,
)
from ingestion.trading212.listings import pull_exchanges, pull_instruments

__all__ = [
    "pull_account_summary",
    "pull_cash_transactions",
    "pull_dividends",
    "pull_exchanges",
    "pull_exports",
    "pull_instruments",
    "pull_orders",
    "pull_pending_orders",
    "pull_pies",
    "pull_positions",
    "resume_points",
]
