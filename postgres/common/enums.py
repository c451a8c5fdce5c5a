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


class JobType(StrEnum):
    """What a job did."""

    SYNC = "sync"
    ANALYTICS = "analytics"


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


class RecurringDirection(StrEnum):
    """Which way the money of a pattern goes."""

    EXPENSE = "expense"
    INCOME = "income"


class NotificationType(StrEnum):
    """What a notification is about."""

    RECURRING_DETECTED = "recurring_detected"
    CONSENT_EXPIRY = "consent_expiry"
    SYNC_FAILED = "sync_failed"
