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
from postgres.common.models.assets import LoanInstalment, ManualAsset, ManualAssetValue
from postgres.common.models.audit import AuditEntry
from postgres.common.models.budgets import Budget, BudgetLimit, BudgetTag
from postgres.common.models.categories import (
    Tag,
    TagRemoval,
    TagRule,
    TagRuleProgress,
    TransactionSplit,
)
from postgres.common.models.goals import Goal, GoalContribution
from postgres.common.models.milestones import FinancialMilestone
from postgres.common.models.notifications import (
    Notification,
    NotificationChannel,
    NotificationDelivery,
)
from postgres.common.models.planned import PlannedMatch, PlannedTransaction
from postgres.common.models.rates import FxRate
from postgres.common.models.records import Deferral, Job, Quarantine
from postgres.common.models.recurring import (
    RecurringAlias,
    RecurringPattern,
    RecurringPatternTransaction,
    RecurringRemoval,
)
from postgres.common.models.trades import Disposal, Trade
from postgres.common.models.transactions import Merchant, MerchantAlias, Transaction
from postgres.common.models.transfers import Transfer, TransferQueue

__all__ = [
    "Account",
    "AccountLink",
    "AuditEntry",
    "BalanceSnapshot",
    "Budget",
    "BudgetLimit",
    "BudgetTag",
    "Connection",
    "Deferral",
    "Disposal",
    "FinancialMilestone",
    "FxRate",
    "Goal",
    "GoalContribution",
    "Holding",
    "Institution",
    "Instrument",
    "Job",
    "LoanInstalment",
    "ManualAsset",
    "ManualAssetValue",
    "Merchant",
    "MerchantAlias",
    "Notification",
    "NotificationChannel",
    "NotificationDelivery",
    "PlannedMatch",
    "PlannedTransaction",
    "Quarantine",
    "RecurringAlias",
    "RecurringPattern",
    "RecurringPatternTransaction",
    "RecurringRemoval",
    "Tag",
    "TagRemoval",
    "TagRule",
    "TagRuleProgress",
    "Trade",
    "Transaction",
    "TransactionSplit",
    "Transfer",
    "TransferQueue",
]
