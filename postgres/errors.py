"""What operations refuse, as types. A missing row is None from ``get_*``, not an error."""

from __future__ import annotations

from enum import StrEnum

from farthing.errors import FarthingError


class OperationError(FarthingError):
    """An operation refused what it was asked."""


class AlreadyExistsError(OperationError):
    """There is one of that name already."""


class NotFoundError(OperationError):
    """What an action names does not exist, or belongs to another user."""


class RetryableError(OperationError):
    """Another transaction was in the way. Nothing was written: run the same transaction again."""


class TransitionError(OperationError):
    """A state machine has no way from one state to the other."""

    def __init__(self, current: StrEnum, wanted: StrEnum, *, what: str) -> None:
        super().__init__(f"{what} is {current.value}; it cannot become {wanted.value}")
        self.current = current
        self.wanted = wanted
