"""Every enum of the platform. Stored as text with a CHECK made from the members."""

from __future__ import annotations

from enum import StrEnum


class Provider(StrEnum):
    """Where a row came from."""

    GOCARDLESS = "gocardless"
    TRADING212 = "trading212"
    MANUAL = "manual"


class AccountType(StrEnum):
    """What an account is for."""

    BANK = "bank"
    INVESTMENT = "investment"
    TRADING = "trading"


class AccountStatus(StrEnum):
    """Whether an account still moves."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    CLOSED = "closed"


class AccountCategory(StrEnum):
    """How an account is shown and how its balance is read."""

    CREDIT_CARD = "credit_card"
    DEBIT_CARD = "debit_card"
    BANK_ACCOUNT = "bank_account"
    INVESTMENT_ACCOUNT = "investment_account"


class TaxWrapper(StrEnum):
    """What shelters all that is in an account from tax."""

    ISA = "isa"


class ConnectionStatus(StrEnum):
    """Whether a provider lets us read."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"
    ERROR = "error"


class TransactionStatus(StrEnum):
    """A pending row may become booked or void; a booked row never goes back."""

    PENDING = "pending"
    BOOKED = "booked"
    VOID = "void"


class TransactionKind(StrEnum):
    """What a transaction is, as far as the provider's own facts say."""

    PAYMENT = "payment"
    TRANSFER = "transfer"
    TRADE = "trade"
    DIVIDEND = "dividend"
    INTEREST = "interest"
    FEE = "fee"
    TAX = "tax"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    OTHER = "other"


class TradeKind(StrEnum):
    """What changed how many shares an account holds."""

    TRADE = "trade"
    SPLIT = "split"
    DISTRIBUTION = "distribution"
    RIGHTS = "rights"
    EXCHANGE = "exchange"
    TRANSFER = "transfer"
    OTHER = "other"


class LotMethod(StrEnum):
    """How it is decided which shares were sold: the oldest ones, or by UK share identification."""

    FIFO = "fifo"
    SECTION_104 = "section_104"


class MatchRule(StrEnum):
    """What a sold share was matched with; ``unknown`` if the history has no share for it."""

    FIFO = "fifo"
    SAME_DAY = "same_day"
    THIRTY_DAYS = "thirty_days"
    POOL = "pool"
    UNKNOWN = "unknown"


class IdentityBasis(StrEnum):
    """What a provider's row was recognised by as a version of a transaction."""

    NEW = "new"
    TRUSTED_ID = "trusted_id"
    CONTENT = "content"
    SHARED_ID = "shared_id"
    LIKENESS = "likeness"
    SETTLED_ID = "settled_id"
    SETTLED_CONTENT = "settled_content"
    SETTLED_AMOUNT = "settled_amount"


class BrokerHistory(StrEnum):
    """The histories of an account at a broker."""

    ORDERS = "orders"
    DIVIDENDS = "dividends"
    CASH_TRANSACTIONS = "cash_transactions"


class JobType(StrEnum):
    """What a job did."""

    SYNC = "sync"
    ANALYTICS = "analytics"
    EXPORT = "export"


class JobStatus(StrEnum):
    """How a job stands; partial means that some account was deferred or failed."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"


class RecurringStatus(StrEnum):
    """Where a recurring pattern stands in the opt-in workflow."""

    PENDING = "pending"
    ACTIVE = "active"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class RecurringSource(StrEnum):
    """Who said that there is a pattern."""

    DETECTED = "detected"
    MANUAL = "manual"


class RecurringLinkSource(StrEnum):
    """Who linked a payment to its pattern: the analysis, a rule of the pattern, or the user."""

    DETECTED = "detected"
    MATCHED = "matched"
    MANUAL = "manual"


class RecurringFrequency(StrEnum):
    """How often a pattern comes back."""

    WEEKLY = "weekly"
    FORTNIGHTLY = "fortnightly"
    FOUR_WEEKLY = "four_weekly"
    MONTHLY = "monthly"
    BIMONTHLY = "bimonthly"
    QUARTERLY = "quarterly"
    SEMIANNUAL = "semiannual"
    ANNUAL = "annual"
    IRREGULAR = "irregular"


class RecurringState(StrEnum):
    """How a series stands, as the analysis sees it."""

    TENTATIVE = "tentative"
    CONFIRMED = "confirmed"
    OVERDUE = "overdue"
    ENDED = "ended"


class RecurringDirection(StrEnum):
    """Which way the money of a pattern goes."""

    EXPENSE = "expense"
    INCOME = "income"


class TransferStatus(StrEnum):
    """How sure it is that two transactions are one transfer; ``linked`` needed no question."""

    SUGGESTED = "suggested"
    LINKED = "linked"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


class SplitSource(StrEnum):
    """Who made a split: the user by hand, or one of their rules."""

    USER = "user"
    RULE = "rule"


class BudgetPeriod(StrEnum):
    """How long a budget's limit lasts."""

    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    ANNUAL = "annual"


class GoalStatus(StrEnum):
    """Where a goal stands."""

    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class GoalTrackingMode(StrEnum):
    """What a goal's progress is read from."""

    MANUAL = "manual"
    BALANCE = "balance"
    DELTA = "delta"
    TARGET_BALANCE = "target_balance"


class ManualAssetType(StrEnum):
    """What a user owns or owes outside any connection."""

    STUDENT_LOAN = "student_loan"
    MORTGAGE = "mortgage"
    VEHICLE = "vehicle"
    PROPERTY = "property"
    SAVINGS_ACCOUNT = "savings_account"
    PENSION = "pension"
    INVESTMENTS = "investments"
    CRYPTO = "crypto"
    OTHER_ASSET = "other_asset"
    OTHER_LIABILITY = "other_liability"


class NotificationType(StrEnum):
    """What a notification is about."""

    RECURRING_DETECTED = "recurring_detected"
    PRICE_CHANGE = "price_change"
    MISSED_PAYMENT = "missed_payment"
    RECURRING_ENDED = "recurring_ended"
    DUPLICATE_CHARGE = "duplicate_charge"
    CONSENT_EXPIRY = "consent_expiry"
    ACCOUNT_UNCLEAR = "account_unclear"
    SYNC_COMPLETE = "sync_complete"
    SYNC_FAILED = "sync_failed"
    EXPORT_COMPLETE = "export_complete"
    BUDGET_WARNING = "budget_warning"
    BUDGET_EXCEEDED = "budget_exceeded"
    GOAL_REACHED = "goal_reached"
    MILESTONE_REACHED = "milestone_reached"
    LOW_BALANCE = "low_balance"


class DeliveryStatus(StrEnum):
    """How far a notification has got on its way to one of a user's channels."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"


class AuditAction(StrEnum):
    """What happened to a row."""

    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
