"""The client of the Trading 212 Public API v0, reading only."""

from __future__ import annotations

import base64
import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import SecretStr

from providers.errors import AuthenticationFailed, ProviderError, RateLimited
from providers.http import Answer, Reply, Transport, too_many
from providers.trading212.errors import LABEL, PROVIDER, classify, rate_limits
from providers.trading212.paging import pages

DEADLINE_S = 60.0
PATIENCE_S = 60.0

# A server may say that a limit resets this very moment and refuse again a moment later.
_SHORTEST_WAIT_S = 1.0


class Trading212Client:
    """Reads one account of one key.

    Limits are per endpoint, short, and told by headers: a call waits for the reset of its endpoint
    if that is within its patience, and otherwise says when to come back. No limit is written down
    here, because the documents disagree about them.
    """

    def __init__(
        self,
        base_url: str,
        api_key: SecretStr,
        api_secret: SecretStr | None,
        *,
        deadline_s: float = DEADLINE_S,
        patience_s: float = PATIENCE_S,
        backoff_s: float = 0.5,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Ask for nothing yet.

        :param base_url: ends in ``/api/v0``.
        :param api_secret: None for a key of the old kind, which has none.
        :param deadline_s: how long one request may take, repeats included and waits not.
        :param patience_s: how long one call may wait for the limit of its endpoint.
        :param backoff_s: the wait before a first repeat.
        :param transport: another transport in place of the network.
        :param sleep: waits for a limit.
        :raises AuthenticationFailed: if the key cannot be one.
        """
        self._http = Transport(
            base_url,
            provider=PROVIDER,
            label=LABEL,
            deadline_s=deadline_s,
            backoff_s=backoff_s,
            transport=transport,
        )
        self._authorization = SecretStr(self._credentials(api_key, api_secret))
        self._patience_s = patience_s
        self._sleep = sleep
        self._locks: dict[str, threading.Lock] = {}
        self._spent_until: dict[str, dt.datetime] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._http!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection; the client cannot be used again."""
        self._http.close()

    def account_summary(self) -> Answer:
        """Return the account's id, currency and totals."""
        return self._read("/equity/account/summary", dict)

    def positions(self) -> Answer:
        """Return every open position, a list."""
        return self._read("/equity/positions", list)

    def instruments(self) -> Answer:
        """Return every instrument that is traded, a list of some 5 MB."""
        return self._read("/equity/metadata/instruments", list)

    def exchanges(self) -> Answer:
        """Return the exchanges with their schedules, a list."""
        return self._read("/equity/metadata/exchanges", list)

    def pending_orders(self) -> Answer:
        """Return the orders that still wait, a list."""
        return self._read("/equity/orders", list)

    def pie(self, pie_id: int) -> Answer:
        """Return one pie with its slices. Deprecated by the provider, and still answered."""
        return self._read(f"/equity/pies/{int(pie_id)}", dict)

    def order_history(self) -> Iterator[Answer]:
        """Return orders and their fills, newest first, page after page."""
        return self._history("/equity/history/orders")

    def dividend_history(self) -> Iterator[Answer]:
        """Return dividends, page after page, nearly newest first: do not stop at a known one."""
        return self._history("/equity/history/dividends")

    def transaction_history(self) -> Iterator[Answer]:
        """Return movements of cash, newest first, page after page."""
        return self._history("/equity/history/transactions")

    def _history(self, path: str) -> Iterator[Answer]:
        return pages(lambda query: self._read(path, dict, query=query))

    def _credentials(self, api_key: SecretStr, api_secret: SecretStr | None) -> str:
        key = api_key.get_secret_value().strip()
        secret = None if api_secret is None else api_secret.get_secret_value().strip()
        if not key or not key.isascii() or not key.isprintable():
            # Found by the HTTP library instead, it would stand in that error's text.
            message = f"{LABEL}: the API key is empty or has characters that no key has"
            raise AuthenticationFailed(message, provider=PROVIDER)
        if secret is None:
            header = key
        else:
            header = "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()
        self._http.redactor.learn(key, secret or "", header.removeprefix("Basic "))
        return header

    def _read(self, path: str, shape: type, *, query: str = "") -> Answer:
        endpoint = path.removeprefix("/")
        # One at a time: two that see one call left would both take it.
        with self._locks.setdefault(endpoint, threading.Lock()):
            reply = self._within_limit(path, endpoint, query)
        payload: Any = self._http.payload(reply)
        if not isinstance(payload, shape):
            self._http.distrust("answered in an unexpected shape", status=reply.status)
        return Answer(payload, rate_limits(reply, endpoint), reply.received_at)

    def _within_limit(self, path: str, endpoint: str, query: str) -> Reply:
        patience = self._patience_s
        spent_until = self._spent_until.pop(endpoint, None)
        if spent_until is not None:
            patience -= self._wait(spent_until, patience, endpoint)
        while True:
            try:
                reply = self._call(path, endpoint, query)
            except RateLimited as error:
                refused = error
            else:
                self._note(reply, endpoint)
                return reply
            if refused.resets_at is None:
                raise refused
            try:
                waited = self._wait(refused.resets_at, patience, endpoint, _SHORTEST_WAIT_S)
            except RateLimited:
                raise refused from None
            patience -= waited

    def _call(self, path: str, endpoint: str, query: str) -> Reply:
        def classified(reply: Reply) -> ProviderError:
            return classify(reply, self._http.redactor, endpoint)

        return self._http.call(
            "GET",
            path,
            classified,
            deadline=self._http.deadline(),
            query=query,
            headers={"Authorization": self._authorization.get_secret_value()},
        )

    def _note(self, reply: Reply, endpoint: str) -> None:
        for limit in rate_limits(reply, endpoint):
            if limit.remaining == 0 and limit.resets_at is not None:
                self._spent_until[endpoint] = limit.resets_at

    def _wait(
        self, until: dt.datetime, patience: float, endpoint: str, at_least: float = 0.0
    ) -> float:
        """Wait for an instant of the real clock and return for how long.

        :raises RateLimited: if that is longer than the patience; nothing was waited for then.
        """
        seconds = max((until - dt.datetime.now(dt.UTC)).total_seconds(), at_least)
        if seconds > patience:
            self._spent_until[endpoint] = until
            message = f"{LABEL}: {too_many(until)}"
            raise RateLimited(message, provider=PROVIDER, scope=endpoint, resets_at=until)
        if seconds > 0:
            self._sleep(seconds)
        return seconds
