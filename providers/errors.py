"""The closed list of what can go wrong when a provider is asked.

Callers decide by class: who has to act, whether waiting helps, and which account or resource is
concerned. A message is one line for the user and never holds a credential, a token, an account
number or a body; the texts of a provider that do get in went through :mod:`providers.redaction`.
"""

from __future__ import annotations

import datetime as dt
from enum import Enum
from typing import TYPE_CHECKING, Any

from farthing.errors import FarthingError

if TYPE_CHECKING:
    from providers.http import RateLimit


class Repeat(Enum):
    """Whether the transport may send the same request again at once, by itself."""

    NEVER = "never"
    READS = "reads"  # it may have been carried out, so only what changes nothing
    ANY = "any"  # it never left this machine


class ProviderError(FarthingError):
    """A provider did not give what it was asked for.

    :ivar provider: ``gocardless`` or ``trading212``.
    :ivar status: the HTTP status; None when no answer came.
    :ivar error_type: the provider's own name for the error, when it gives one.
    :ivar code: our name for it, the row of the provider's table; None where nobody answered.
    :ivar summary: the provider's own short text, redacted.
    :ivar retryable: the same request may succeed later without anybody doing anything.
    :ivar repeat: what the transport may do at once.
    :ivar rate_limits: what the headers of the refusing answer said.
    """

    retryable = False

    # Every keyword has a default, so that pickle can rebuild an error of a worker process from its
    # message and its attributes.
    def __init__(
        self,
        message: str,
        *,
        provider: str = "",
        status: int | None = None,
        error_type: str | None = None,
        code: str | None = None,
        summary: str | None = None,
        retryable: bool | None = None,
        repeat: Repeat = Repeat.NEVER,
        rate_limits: tuple[RateLimit, ...] = (),
    ) -> None:
        super().__init__(message)
        self.provider = provider
        self.status = status
        self.error_type = error_type
        self.code = code
        self.summary = summary
        if retryable is not None:
            self.retryable = retryable
        self.repeat = repeat
        self.rate_limits = rate_limits


class AuthenticationFailed(ProviderError):
    """The credentials are refused; a person must give other ones."""


class ConsentExpired(ProviderError):
    """The bank's consent is over or was taken back; the user must connect again."""


class AccessDenied(ProviderError):
    """One resource is not for us; the others of the same account may well be.

    :ivar missing_scope: the permission that the key lacks, when the provider names it.
    """

    def __init__(self, message: str, *, missing_scope: str | None = None, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.missing_scope = missing_scope


class AccountUnavailable(ProviderError):
    """One account cannot be read; its siblings can.

    :ivar state: ``inactive``, ``suspended``, or the provider's word (``PROCESSING``, ``ERROR``).
    """

    def __init__(self, message: str, *, state: str = "", **fields: Any) -> None:
        super().__init__(message, **fields)
        self.state = state


class NotFound(ProviderError):
    """The provider knows no such thing, or knows it no more."""


class RateLimited(ProviderError):
    """Asked too often.

    :ivar scope: which limit, in the words of :class:`providers.http.RateLimit`.
    :ivar resets_at: when the next call can succeed (UTC), by the clock that
        :class:`providers.http.RateLimit` goes by; None if nobody said.
    """

    retryable = True

    def __init__(
        self,
        message: str,
        *,
        scope: str = "general",
        resets_at: dt.datetime | None = None,
        **fields: Any,
    ) -> None:
        super().__init__(message, **fields)
        self.scope = scope
        self.resets_at = resets_at


class Unavailable(ProviderError):
    """The provider or the bank behind it is down, unreachable or too slow."""

    retryable = True


class Rejected(ProviderError):
    """The request itself is refused and will be the next time."""


class PeriodRefused(Rejected):
    """So long a history is refused; a shorter one may not be.

    :ivar days: days that the refusal names; the first that is allowed may be one of them.
    """

    def __init__(self, message: str, *, days: tuple[dt.date, ...] = (), **fields: Any) -> None:
        super().__init__(message, **fields)
        self.days = days


class UnexpectedResponse(ProviderError):
    """The answer is not what the provider's contract says; nothing may be concluded from it."""
