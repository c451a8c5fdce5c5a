"""The ledger: provider-agnostic tables that application code, analysts and dbt read.

Signs: money in is positive, money out negative, liabilities negative. Amounts are NUMERIC without a
scale and always beside their currency. What a provider says and what the user decides are different
columns, and the user's win.
"""

from postgres.common.models.accounts import (
    Account,
    AccountLink,
    BalanceSnapshot,
    Connection,
    Holding,
    Institution,
    Instrument,
)
from postgres.common.models.audit import AuditEntry
from postgres.common.models.categories import Tag, TagRemoval, TagRule, TransactionSplit
from postgres.common.models.rates import FxRate
from postgres.common.models.records import Job, Notification, Quarantine
from postgres.common.models.recurring import RecurringPattern, RecurringPatternTransaction
from postgres.common.models.transactions import Merchant, Transaction
from postgres.common.models.transfers import Transfer

__all__ = [
    "Account",
    "AccountLink",
    "AuditEntry",
    "BalanceSnapshot",
    "Connection",
    "FxRate",
    "Holding",
    "Institution",
    "Instrument",
    "Job",
    "Merchant",
    "Notification",
    "Quarantine",
    "RecurringPattern",
    "RecurringPatternTransaction",
    "Tag",
    "TagRemoval",
    "TagRule",
    "Transaction",
    "TransactionSplit",
    "Transfer",
]
