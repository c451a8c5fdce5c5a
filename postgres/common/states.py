"""Every state machine of the ledger, once: from each state, the states it may go to.

The database holds the same machines as arguments of ``common.guard_transition``, so that no code
gets round them; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeVar

from postgres.common.enums import (
    ConnectionStatus,
    DeliveryStatus,
    GoalStatus,
    JobStatus,
    RecurringStatus,
    TransactionStatus,
    TransferStatus,
)
from postgres.errors import TransitionError

State = TypeVar("State", bound=StrEnum)
Machine = Mapping[State, frozenset[State]]


def _machine(moves: dict[State, set[State]]) -> Machine[State]:
    return MappingProxyType({state: frozenset(targets) for state, targets in moves.items()})


PATTERN = _machine(
    {
        RecurringStatus.PENDING: {RecurringStatus.ACTIVE, RecurringStatus.CANCELLED},
        RecurringStatus.ACTIVE: {RecurringStatus.PAUSED, RecurringStatus.CANCELLED},
        RecurringStatus.PAUSED: {RecurringStatus.ACTIVE, RecurringStatus.CANCELLED},
        RecurringStatus.CANCELLED: set(),
    }
)
"""A dismissed pattern is a cancelled one, and stays it."""

GOAL = _machine(
    {
        GoalStatus.ACTIVE: {GoalStatus.PAUSED, GoalStatus.COMPLETED, GoalStatus.CANCELLED},
        GoalStatus.PAUSED: {GoalStatus.ACTIVE, GoalStatus.CANCELLED},
        GoalStatus.COMPLETED: {GoalStatus.ACTIVE},
        GoalStatus.CANCELLED: set(),
    }
)
"""A completed goal opens again when its money is taken back."""

CONNECTION = _machine(
    {
        ConnectionStatus.PENDING: {
            ConnectionStatus.ACTIVE,
            ConnectionStatus.EXPIRED,
            ConnectionStatus.ERROR,
        },
        ConnectionStatus.ACTIVE: {ConnectionStatus.EXPIRED, ConnectionStatus.ERROR},
        ConnectionStatus.EXPIRED: {ConnectionStatus.ACTIVE, ConnectionStatus.ERROR},
        ConnectionStatus.ERROR: {ConnectionStatus.ACTIVE, ConnectionStatus.EXPIRED},
    }
)
"""A renewed consent is live at once; nothing that was live waits for its first consent again."""

JOB = _machine(
    {
        JobStatus.PENDING: {JobStatus.RUNNING, JobStatus.FAILED},
        JobStatus.RUNNING: {JobStatus.COMPLETED, JobStatus.PARTIAL, JobStatus.FAILED},
        JobStatus.COMPLETED: {JobStatus.RUNNING, JobStatus.PARTIAL},
        JobStatus.PARTIAL: {JobStatus.RUNNING},
        JobStatus.FAILED: {JobStatus.RUNNING, JobStatus.PARTIAL},
    }
)
"""A run that is started again goes on as the same job; a later step may make it partial."""

TRANSACTION = _machine(
    {
        TransactionStatus.PENDING: {TransactionStatus.BOOKED, TransactionStatus.VOID},
        TransactionStatus.BOOKED: {TransactionStatus.VOID},
        TransactionStatus.VOID: {TransactionStatus.PENDING, TransactionStatus.BOOKED},
    }
)
"""A row that vanished may come back, but one that was booked comes back booked."""

TRANSFER = _machine(
    {
        TransferStatus.SUGGESTED: {
            TransferStatus.LINKED,
            TransferStatus.CONFIRMED,
            TransferStatus.REJECTED,
        },
        TransferStatus.LINKED: {
            TransferStatus.SUGGESTED,
            TransferStatus.CONFIRMED,
            TransferStatus.REJECTED,
        },
        TransferStatus.CONFIRMED: {TransferStatus.REJECTED},
        TransferStatus.REJECTED: {TransferStatus.CONFIRMED},
    }
)
"""What the user decided only the user moves, and never back into what a run may move."""

DELIVERY = _machine(
    {
        DeliveryStatus.PENDING: {DeliveryStatus.SENT, DeliveryStatus.FAILED},
        DeliveryStatus.FAILED: {DeliveryStatus.PENDING},
        DeliveryStatus.SENT: set(),
    }
)
"""What has failed for good may be tried again by hand."""

MACHINES: Mapping[str, Machine[Any]] = MappingProxyType(
    {
        "common.connections": CONNECTION,
        "common.goals": GOAL,
        "common.jobs": JOB,
        "common.notification_deliveries": DELIVERY,
        "common.recurring_patterns": PATTERN,
        "common.transactions": TRANSACTION,
        "common.transfers": TRANSFER,
    }
)
"""By the table whose ``status`` follows it."""


def check_transition(machine: Machine[State], current: State, wanted: State, *, what: str) -> None:
    """Make sure that a state machine has a way.

    :param what: the thing, for the message: ``the goal``.
    :raises TransitionError: if it has none, from a state to itself included.
    """
    if wanted not in machine[current]:
        raise TransitionError(current, wanted, what=what)
