"""The access token of GoCardless: asked for once, shared by all, renewed before it ends.

``token/new`` may be called a hundred times an hour by all that share the secrets, so a keeper
outlives its clients, and a :class:`Store` its process. Lifetimes are the provider's: an access
token lasts a day, a refresh token thirty.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import SecretStr

from farthing import clock
from providers.deadline import Deadline
from providers.errors import AuthenticationFailed, Unavailable, UnexpectedResponse
from providers.gocardless.errors import LABEL, PROVIDER
from providers.gocardless.shapes import get

# A token is renewed this long before its end, so that none expires under way.
_MARGIN_S = 60.0

Ask = Callable[[str, Mapping[str, str], Deadline], object]
"""Posts a body to a path and returns the payload of the answer."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """A pair of tokens.

    :param access_until: in seconds since the epoch, by the ledger's clock; so is the other one.
    """

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    access_until: float
    refresh_until: float


class Store(Protocol):
    """Where the processes that share the secrets share their tokens."""

    def load(self) -> Tokens | None:
        """Return what was kept last."""

    def opened(self) -> AbstractContextManager[Slot]:
        """Let one at a time renew what is kept."""


class Slot(Protocol):
    """What is kept, while nobody else may change it."""

    def load(self) -> Tokens | None:
        """Return what is kept now."""

    def keep(self, tokens: Tokens) -> None:
        """Keep others."""


class _Unshared:
    """Keeps nothing: the keeper's own memory is enough for one process."""

    def load(self) -> Tokens | None:
        return None

    def keep(self, tokens: Tokens) -> None:
        pass

    @contextlib.contextmanager
    def opened(self) -> Iterator[_Unshared]:
        yield self


class TokenKeeper:
    """Holds the tokens of one pair of secrets."""

    def __init__(
        self,
        secret_id: SecretStr,
        secret_key: SecretStr,
        *,
        store: Store | None = None,
        now: Callable[[], float] = lambda: clock.now().timestamp(),
    ) -> None:
        """Ask for nothing yet.

        :param store: shares the tokens with other processes; None shares them with nobody.
        :param now: the clock that tokens age by, in seconds since the epoch.
        """
        self._secret_id = secret_id
        self._secret_key = secret_key
        self._now = now
        self._store: Store = store or _Unshared()
        self._lock = threading.Lock()
        self._tokens: Tokens | None = None
        self._refused: str | None = None

    def secrets(self) -> tuple[str, ...]:
        """Return all that must not show anywhere."""
        held = self._tokens
        tokens = (held.access, held.refresh) if held else ()
        return (self._secret_id.get_secret_value(), self._secret_key.get_secret_value(), *tokens)

    def access(self, ask: Ask, deadline: Deadline, *, refused: str | None = None) -> str:
        """Return a token that is valid for a while, asking for one at most once at a time.

        :param ask: how to reach the provider.
        :param refused: the token that was just turned down, which is not to be given out again.
        :raises AuthenticationFailed: if the secrets are refused, now or before.
        """
        # All threads wait for the one that asks, but none longer than its own call may take.
        if not self._lock.acquire(timeout=deadline.left()):
            message = f"{LABEL} did not hand out an access token in time"
            raise Unavailable(message, provider=PROVIDER)
        try:
            tokens = self._tokens
            if tokens is None or not self._is_good(tokens, refused):
                tokens = self._store.load() or tokens
            if tokens is None or not self._is_good(tokens, refused):
                tokens = self._shared(ask, refused, deadline)
            self._tokens = tokens
            return tokens.access
        finally:
            self._lock.release()

    def _is_good(self, tokens: Tokens, refused: str | None) -> bool:
        return tokens.access != refused and self._now() < tokens.access_until

    def _shared(self, ask: Ask, refused: str | None, deadline: Deadline) -> Tokens:
        """Renew the tokens, unless another process has done so meanwhile."""
        with self._store.opened() as slot:
            kept = slot.load() or self._tokens
            if kept is not None and self._is_good(kept, refused):
                return kept
            renewed = self._renewed(ask, kept, self._now(), deadline)
            slot.keep(renewed)
            return renewed

    def _renewed(self, ask: Ask, tokens: Tokens | None, now: float, deadline: Deadline) -> Tokens:
        if tokens is not None and now < tokens.refresh_until:
            try:
                payload = ask("/token/refresh/", {"refresh": tokens.refresh}, deadline)
                return self._read(payload, tokens)
            except AuthenticationFailed:
                # The refresh token was taken back early; the secrets may still be good.
                self._tokens = None
        if self._refused is not None:
            # Secrets do not get better, and a hundred tries an hour are all there are.
            raise AuthenticationFailed(self._refused, provider=PROVIDER, status=401)
        secrets = {
            "secret_id": self._secret_id.get_secret_value(),
            "secret_key": self._secret_key.get_secret_value(),
        }
        try:
            return self._read(ask("/token/new/", secrets, deadline), None)
        except AuthenticationFailed as error:
            self._refused = str(error)
            raise

    def _read(self, payload: object, known: Tokens | None) -> Tokens:
        now = self._now()
        access, lifetime = get(payload, "access"), get(payload, "access_expires")
        if known is None:
            refresh, refresh_lifetime = get(payload, "refresh"), get(payload, "refresh_expires")
            refresh_until = now + _seconds(refresh_lifetime)
        else:
            # A refresh gives no new refresh token.
            refresh, refresh_until = known.refresh, known.refresh_until
        if not _is_token(access) or not _is_token(refresh):
            message = f"{LABEL} sent no usable access token"
            raise UnexpectedResponse(message, provider=PROVIDER)
        return Tokens(access, refresh, now + _seconds(lifetime), refresh_until)


def _seconds(lifetime: object) -> float:
    """Return how long a token may be used; one of unknown age only for the call at hand."""
    if isinstance(lifetime, bool) or not isinstance(lifetime, int):
        return 0.0
    return lifetime - _MARGIN_S


def _is_token(value: object) -> bool:
    return isinstance(value, str) and value != "" and value.isascii() and value.isprintable()
