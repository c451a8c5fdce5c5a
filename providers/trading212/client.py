"""The client of the Trading 212 Public API v0, reading only."""

from __future__ import annotations

import base64
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import SecretStr

from farthing import clock
from providers.errors import AuthenticationFailed, NotFound, ProviderError, RateLimited, Rejected
from providers.http import Answer, Reply, Transport
from providers.pacing import SHORTEST_WAIT_S, Limit, LocalPace, Pace
from providers.trading212.errors import LABEL, PROVIDER, classify, rate_limits, seconds_until
from providers.trading212.histories import ORDERS, History
from providers.trading212.legacy import current_instrument, current_position, current_summary
from providers.trading212.paging import FIRST_QUERY, Page, Ways, pages

DEADLINE_S = 60.0
PATIENCE_S = 60.0
_LONGEST_LINK = 4000


class Trading212Client:
    """Reads one account of one key.

    Limits are per endpoint, short, and told by headers, which are handed to the ``pace``: a call
    waits for the reset of its endpoint if that is short, and otherwise says when to come back. No
    limit is written down here, because the documents disagree about them.

    Where an endpoint of today is not there, the one that the API of 2024 had is asked instead.
    """

    def __init__(
        self,
        base_url: str,
        api_key: SecretStr,
        api_secret: SecretStr | None,
        *,
        pace: Pace | None = None,
        deadline_s: float = DEADLINE_S,
        patience_s: float = PATIENCE_S,
        backoff_s: float = 0.5,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Ask for nothing yet.

        :param base_url: ends in ``/api/v0``.
        :param api_secret: None for a key of the old kind, which has none.
        :param pace: keeps the limits, for all who read the account; None: this client by itself.
        :param deadline_s: how long one request may take, repeats included and waits not.
        :param patience_s: how long calls may wait in all, where there is no ``pace``.
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
        self._pace = pace or LocalPace(
            provider=PROVIDER, label=LABEL, patience_s=patience_s, sleep=sleep
        )
        self._deadline_s = deadline_s
        self._transport = transport
        self._locks: dict[str, threading.Lock] = {}

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

        def formerly() -> Answer:
            told = self._read("/equity/account/info", dict)
            cash = self._read("/equity/account/cash", dict)
            return replace(told, payload=current_summary({**told.payload, **cash.payload}))

        return _either(lambda: self._read("/equity/account/summary", dict), formerly)

    def positions(self) -> Answer:
        """Return every open position, a list."""
        return _either(
            lambda: self._read("/equity/positions", list),
            lambda: _each(self._read("/equity/portfolio", list), current_position),
        )

    def instruments(self) -> Answer:
        """Return every instrument that is traded, a list of some 5 MB."""
        return _each(self._read("/equity/metadata/instruments", list), current_instrument)

    def exchanges(self) -> Answer:
        """Return the exchanges with their schedules, a list."""
        return self._read("/equity/metadata/exchanges", list)

    def pending_orders(self) -> Answer:
        """Return the orders that still wait, a list."""
        return self._read("/equity/orders", list)

    def pies(self) -> Answer:
        """Return what every pie is worth, a list. Deprecated by the provider, but answered."""
        return self._read("/equity/pies", list)

    def pie(self, pie_id: int) -> Answer:
        """Return one pie with its slices. Deprecated by the provider, and still answered."""
        # One limit for all of them.
        return self._read(f"/equity/pies/{int(pie_id)}", dict, endpoint="equity/pies/{id}")

    def history(
        self,
        history: History,
        *,
        currency: str,
        start: Ways = (FIRST_QUERY,),
        before: Sequence[Any] = (),
        may_pass_over: bool = False,
    ) -> Iterator[Page]:
        """Return a history, newest first, page after page, each item in its shape of today.

        Dividends come nearly newest first: do not stop at a known one.

        :param currency: the account's, for items of a time that told none.
        :param start: where to begin; what follows on a page goes on behind it.
        :param before: as :func:`.paging.pages` has it.
        :param may_pass_over: as :func:`.paging.pages` has it.
        """
        path = history.path

        def formerly(query: str) -> Answer:
            nonlocal path
            former = history.formerly or path
            answer = self._read(former, dict, query=query)
            path = former
            return answer

        def fetch(query: str) -> Answer:
            nonlocal path
            if history.formerly is None or query != start[0]:
                answer = self._read(path, dict, query=query)
            else:
                answer = _either(
                    lambda: self._read(path, dict, query=query), lambda: formerly(query)
                )
            items = answer.payload.get("items")
            # A row of today that lacks its currency is not one of the time that told none.
            if isinstance(items, list) and (path != history.path or history is ORDERS):
                items = [history.current(item, currency) for item in items]
                answer = replace(answer, payload={**answer.payload, "items": items})
            return answer

        return pages(fetch, history.read, start=start, before=before, may_pass_over=may_pass_over)

    def probe(self, path: str, query: str = "") -> None:
        """Ask for something only to see whether the key may.

        :raises ProviderError: if it is refused.
        """
        self._call("GET", path, query=query)

    def exports(self) -> Answer:
        """Return the reports that were asked for, a list with their states and links."""
        return self._read("/equity/history/exports", list)

    def request_export(self, body: Mapping[str, Any]) -> Answer:
        """Ask for a report as CSV; Trading 212 tells the user of it once it is made.

        :param body: ``dataIncluded``, ``timeFrom`` and ``timeTo``.
        """
        path, endpoint = "/equity/history/exports", "POST equity/history/exports"
        reply = self._call("POST", path, body=body, endpoint=endpoint)
        return self._answer(reply, dict, endpoint)

    def download(self, link: str) -> bytes:
        """Return a report. Its link carries its own permission, so the key is not sent with it.

        :raises UnexpectedResponse: if the link is none.
        """
        try:
            url = httpx.URL(link) if len(link) <= _LONGEST_LINK else httpx.URL()
        except httpx.InvalidURL:
            url = httpx.URL()
        if url.scheme not in ("http", "https") or not url.host:
            self._http.distrust("has a report whose link is none")
        query = url.query.decode("ascii", "replace")
        values = urllib.parse.parse_qs(query).values()
        self._http.redactor.learn(*(part for parts in values for part in parts))
        with Transport(
            str(url.copy_with(raw_path=b"/")),
            provider=PROVIDER,
            label=f"{LABEL} (report)",
            deadline_s=self._deadline_s,
            transport=self._transport,
        ) as http:
            reply = http.call(
                "GET",
                url.path,
                lambda refused: classify(refused, self._http.redactor, "report"),
                deadline=http.deadline(),
                query=query,
            )
        return reply.body

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

    def _read(self, path: str, shape: type, *, query: str = "", endpoint: str = "") -> Answer:
        endpoint = endpoint or path.removeprefix("/")
        return self._answer(
            self._call("GET", path, query=query, endpoint=endpoint), shape, endpoint
        )

    def _answer(self, reply: Reply, shape: type, endpoint: str) -> Answer:
        payload: Any = self._http.payload(reply)
        if not isinstance(payload, shape):
            self._http.distrust("answered in an unexpected shape", status=reply.status)
        return Answer(payload, rate_limits(reply, endpoint), reply.received_at)

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        body: Mapping[str, Any] | None = None,
        endpoint: str = "",
    ) -> Reply:
        limit = Limit(endpoint or path.removeprefix("/"))
        # One at a time: two that see one call left would both take it.
        with self._locks.setdefault(limit.name, threading.Lock()):
            while True:
                self._pace.take(limit)
                try:
                    reply = self._send(method, path, query, body, limit.name)
                except RateLimited as error:
                    if not self._is_waited_for(error, limit):
                        raise
                else:
                    self._note(reply, limit)
                    return reply

    def _send(
        self, method: str, path: str, query: str, body: Mapping[str, Any] | None, endpoint: str
    ) -> Reply:
        def classified(reply: Reply) -> ProviderError:
            return classify(reply, self._http.redactor, endpoint)

        return self._http.call(
            method,
            path,
            classified,
            deadline=self._http.deadline(),
            query=query,
            body=body,
            headers={"Authorization": self._authorization.get_secret_value()},
        )

    def _note(self, reply: Reply, limit: Limit) -> None:
        for told in rate_limits(reply, limit.name):
            if told.resets_at is not None:
                self._pace.told(
                    limit,
                    told.limit,
                    told.remaining,
                    seconds_until(told.resets_at),
                    period=told.period,
                )

    def _is_waited_for(self, error: RateLimited, limit: Limit) -> bool:
        """Close the limit for everybody, and tell whether it is worth waiting for."""
        if error.resets_at is None:
            return False
        seconds = max((error.resets_at - clock.now()).total_seconds(), SHORTEST_WAIT_S)
        told = next(iter(error.rate_limits), None)
        calls, period = (None, None) if told is None else (told.limit, told.period)
        self._pace.told(limit, calls, 0, seconds, period=period)
        return self._pace.waits_for(seconds)


def _either(today: Callable[[], Answer], formerly: Callable[[], Answer]) -> Answer:
    """Return the answer of today's endpoint, or of the one before where that is not there."""
    try:
        return today()
    except NotFound as gone:
        try:
            return formerly()
        except (NotFound, Rejected):
            raise gone from None


def _each(answer: Answer, change: Callable[[Any], Any]) -> Answer:
    return replace(answer, payload=[change(one) for one in answer.payload])
