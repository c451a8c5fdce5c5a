"""What operations refuse, as types. A missing row is None from ``get_*``, not an error."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from enum import StrEnum

from farthing.errors import FarthingError


class OperationError(FarthingError):
    """An operation refused what it was asked."""


class AlreadyExistsError(OperationError):
    """There is one of that name already."""


class NotFoundError(OperationError):
    """What an action names does not exist, or belongs to another user."""


class ChangedSinceError(OperationError):
    """What an action starts from is not what stands there any more."""


class AuthenticationError(OperationError):
    """Whoever asks has not shown who they are. It does not say what of it was wrong."""


class TokenReusedError(AuthenticationError):
    """A token was used a second time: somebody else has it. Its whole family is revoked."""


class TooManyAttemptsError(OperationError):
    """A password was wrong too often of late; none is looked at before ``retry_at``."""

    def __init__(self, retry_at: dt.datetime) -> None:
        super().__init__("the password was wrong too often; wait a while before the next attempt")
        self.retry_at = retry_at


class ConditionsError(OperationError):
    """The conditions of a tag rule are not a tree that can be compiled.

    :param place: where in the tree, such as ``conditions.all[1].amount``.
    """

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place


class RuleFailedError(OperationError):
    """A tag rule could not be evaluated: its pattern takes too long or is not one."""

    def __init__(self, rule_id: uuid.UUID, name: str, reason: str) -> None:
        super().__init__(f"the rule '{name}' was left out: {reason}")
        self.rule_id = rule_id
        self.reason = reason


class UnbalancedSplitsError(OperationError):
    """Parts do not make up their transaction.

    :param difference: the whole less the parts: positive if they lack it, negative if they exceed.
    """

    def __init__(self, difference: Decimal, currency: str) -> None:
        super().__init__(f"the parts do not make up the whole: {difference:+} {currency} is left")
        self.difference = difference
        self.currency = currency


class ProviderOwnedError(OperationError):
    """A provider writes it: its next answer would undo what the user does by hand."""


class RetryableError(OperationError):
    """Another transaction was in the way. Nothing was written: run the same transaction again."""


class TransitionError(OperationError):
    """A state machine has no way from one state to the other."""

    def __init__(self, current: StrEnum, wanted: StrEnum, *, what: str) -> None:
        super().__init__(f"{what} is {current.value}; it cannot become {wanted.value}")
        self.current = current
        self.wanted = wanted
