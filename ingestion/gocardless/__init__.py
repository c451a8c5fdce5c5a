"""Pull GoCardless Bank Account Data and land it raw, account by account."""

from ingestion.gocardless.accounts import pull_balances, pull_transactions, resume_points
from ingestion.gocardless.consents import pull_bank_accounts, pull_requisitions
from ingestion.gocardless.targets import open_client

__all__ = [
    "open_client",
    "pull_balances",
    "pull_bank_accounts",
    "pull_requisitions",
    "pull_transactions",
    "resume_points",
]
