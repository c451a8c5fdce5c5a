"""The transport under both providers: one call, one deadline, and repeats only where they are safe.

What belongs here knows no provider: sending, reading, size and time limits, JSON without floats,
and errors without secrets. What an answer means is the matter of the provider's own package.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import TracebackType
from typing import Any, NoReturn, Self

import httpx
import stamina

from farthing import clock
from farthing.errors import ConfigurationError
from providers.deadline import Deadline, DeadlineTransport
from providers.errors import ProviderError, Repeat, Unavailable, UnexpectedResponse
from providers.logs import tame_libraries
from providers.redaction import Redactor

MAX_BODY_BYTES = 64 * 1024 * 1024
# An error says what it has to say at its beginning; the rest of a CDN's page is of no use.
_MAX_ERROR_BYTES = 256 * 1024

_ATTEMPTS = 3
_GATEWAY_STATUSES = frozenset({408, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that the phases of one attempt may wait, each within the deadline of the call."""

    connect: float = 10.0
    read: float = 30.0
    write: float = 10.0
    pool: float = 30.0

    def within(self, left: float) -> httpx.Timeout:
        """Return the same, none longer than what is left."""
        return httpx.Timeout(
            connect=min(self.connect, left),
            read=min(self.read, left),
            write=min(self.write, left),
            pool=min(self.pool, left),
        )


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What the headers of an answer said of one limit.

    :param scope: which limit: ``general`` or ``account`` (per account, resource and day) at
        GoCardless, the endpoint's path at Trading 212.
    :param resets_at: UTC. An instant that the provider names is one of the real clock; so many
        seconds from now are counted from the ledger's now, as quotas are.
    :param period: how long the limit is, where the headers say so.
    """

    scope: str
    limit: int | None
    remaining: int | None
    resets_at: dt.datetime | None
    period: dt.timedelta | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider answered, untouched: raw is stored first and understood later.

    :param payload: the parsed JSON; numbers with a point or an exponent are ``Decimal``.
    :param received_at: by the ledger's clock.
    """

    payload: Any = field(repr=False)
    rate_limits: tuple[RateLimit, ...]
    received_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer, read to its end."""

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)
    received_at: dt.datetime

    @property
    def ok(self) -> bool:
        """Whether the request was carried out."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the parsed body, with what no decimal can hold as the text it was given as.

        So one such number, ``NaN`` say, costs the row that it stands in and no other.

        :raises ValueError: if it is not JSON as RFC 8259 has it, but for such numbers.
        """
        try:
            return json.loads(
                self.body.decode("utf-8-sig"),
                parse_float=_exact,
                parse_int=_whole,
                parse_constant=str,
            )
        except (ValueError, ArithmeticError, RecursionError):
            # The original carries the whole body with it.
            message = "the body is not JSON"
            raise ValueError(message) from None

    def json_or_none(self) -> Any:
        """Return the parsed body, or None for a page, an empty body or a broken one."""
        try:
            return self.json()
        except ValueError:
            return None


def _exact(text: str) -> Decimal | str:
    try:
        return Decimal(text)
    except ArithmeticError:
        return text


def _whole(text: str) -> int | str:
    try:
        return int(text)
    except ValueError:  # more digits than Python reads
        return text


def number(headers: Mapping[str, str], name: str) -> int | None:
    """Return a header's whole number, None if it is missing or is none."""
    text = headers.get(name, "").strip()
    return int(text) if re.fullmatch(r"[+-]?\d{1,15}", text) else None


def in_seconds(seconds: int) -> dt.datetime:
    """Return the instant that is so far ahead by the ledger's clock; a past one is now."""
    return clock.now() + dt.timedelta(seconds=min(max(seconds, 0), 366 * 86400))


def too_many(resets_at: dt.datetime | None) -> str:
    """Return the words for a limit that is used up."""
    if resets_at is None:
        return "too many requests; try again later"
    return f"too many requests; the next is possible at {resets_at:%Y-%m-%d %H:%M:%S} UTC"


Classifier = Callable[[Reply], ProviderError]
MayRepeat = Callable[[ProviderError], bool]
Pace = Callable[[str, str], None]
"""Called with method and path before each request is sent; waits, or raises ``RateLimited``."""


class Transport:
    """Sends the requests of one client over shared connections; safe from many threads."""

    def __init__(
        self,
        base_url: str,
        *,
        provider: str,
        label: str,
        deadline_s: float,
        timeouts: Timeouts | None = None,
        backoff_s: float = 0.5,
        max_body_bytes: int = MAX_BODY_BYTES,
        transport: httpx.BaseTransport | None = None,
        pace: Pace | None = None,
    ) -> None:
        """Open no connection yet.

        :param base_url: without a slash at its end; every path is put behind it.
        :param provider: the name that errors carry.
        :param label: the name that messages use.
        :param deadline_s: how long one call may take, repeats and all.
        :param backoff_s: the wait before the first repeat; it doubles, and jitter is added.
        :param transport: another transport in place of the network.
        :param pace: lets requests through at the speed that the provider allows; what it waits is
            not taken from the time of the call.
        :raises ConfigurationError: if the base URL is none.
        """
        self._base_url = base_url.rstrip("/")
        self._host = _host(base_url, label)
        self.provider = provider
        self.label = label
        self.redactor = Redactor()
        self._deadline_s = deadline_s
        self._timeouts = timeouts or Timeouts()
        self._backoff_s = backoff_s
        self._max_body_bytes = max_body_bytes
        self._pace = pace
        tame_libraries()
        self._client = httpx.Client(
            transport=transport or DeadlineTransport(self._base_url),
            headers={"Accept": "application/json", "User-Agent": "farthing"},
            follow_redirects=False,
            # The proxy is the transport's matter, and nothing else in the environment is wanted.
            trust_env=False,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.provider!r}, host={self._host!r})"

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
        """Close every connection."""
        self._client.close()

    def deadline(self) -> Deadline:
        """Return the deadline of a call that starts now."""
        return Deadline(self._deadline_s)

    def call(
        self,
        method: str,
        path: str,
        classify: Classifier,
        *,
        deadline: Deadline,
        query: str = "",
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        may_repeat: MayRepeat | None = None,
    ) -> Reply:
        """Send a request until it is answered, refused for good, or out of time.

        :param path: behind the base URL, with its slash; its variable parts are quoted already.
        :param classify: makes the error of an answer that is none of the 200s.
        :param query: without the question mark, sent as it is.
        :param may_repeat: asked before a repeat, where each attempt costs; not before one of a
            request that never left this machine.
        :raises ProviderError: of the class that fits what happened.
        """
        url = httpx.URL(self._base_url + path)
        if query:
            url = url.copy_with(query=query.encode())

        left = _ATTEMPTS

        def again(error: Exception) -> bool:
            nonlocal left
            left -= 1
            # No use in waiting for a moment at which there is no time left.
            if not left or deadline.left() <= self._backoff_s * 4:
                return False
            if not isinstance(error, ProviderError) or error.repeat is Repeat.NEVER:
                return False
            if error.repeat is Repeat.ANY:
                return True
            return method == "GET" and (may_repeat is None or may_repeat(error))

        for attempt in stamina.retry_context(
            on=again,
            attempts=_ATTEMPTS,
            timeout=None,
            wait_initial=self._backoff_s,
            wait_max=self._backoff_s * 3,
            wait_jitter=self._backoff_s,
        ):
            with attempt:
                if self._pace is not None:
                    with deadline.paused():
                        self._pace(method, path)
                reply = self._attempt(method, url, deadline, body, headers)
                if not reply.ok:
                    raise classify(reply)
        return reply

    def payload(self, reply: Reply) -> Any:
        """Return the JSON of an answer.

        :raises UnexpectedResponse: if it is a page, cut short, or not JSON for another reason.
        """
        try:
            payload, valid = reply.json(), True
        except ValueError:
            payload, valid = None, False
        if not valid:
            kind = "a web page" if b"<html" in reply.body[:1024].lower() else "no valid JSON"
            self.distrust(f"answered with {kind} instead of data", status=reply.status)
        return payload

    def distrust(self, what: str, *, status: int | None = None) -> NoReturn:
        """Refuse an answer that breaks the contract.

        :raises UnexpectedResponse: always.
        """
        message = f"{self.label} {what}"
        raise UnexpectedResponse(message, provider=self.provider, status=status)

    def _attempt(
        self,
        method: str,
        url: httpx.URL,
        deadline: Deadline,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
    ) -> Reply:
        failure: ProviderError
        try:
            with deadline.enforced():
                return self._exchange(method, url, deadline, body, headers)
        except (httpx.TransportError, httpx.DecodingError) as error:
            failure = self._translate(error, deadline)
        # Not from inside the except block: the library's error may quote a header or a body.
        raise failure

    def _exchange(
        self,
        method: str,
        url: httpx.URL,
        deadline: Deadline,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
    ) -> Reply:
        request = self._client.build_request(
            method, url, json=body, headers=headers, timeout=self._timeouts.within(deadline.left())
        )
        response = self._client.send(request, stream=True)
        try:
            content = self._read(response, deadline)
        finally:
            response.close()
        return Reply(response.status_code, response.headers, content, clock.now())

    def _read(self, response: httpx.Response, deadline: Deadline) -> bytes:
        chunks = bytearray()
        failed = response.status_code >= 400
        limit = _MAX_ERROR_BYTES if failed else self._max_body_bytes
        try:
            for chunk in response.iter_bytes():
                chunks += chunk
                if len(chunks) > limit:
                    if failed:
                        break
                    self.distrust(
                        f"sent more than {limit // (1024 * 1024)} MiB in one answer",
                        status=response.status_code,
                    )
                if deadline.left() <= 0:
                    message = "the deadline of the whole call has passed"
                    raise httpx.ReadTimeout(message)
        except (httpx.TransportError, httpx.DecodingError):
            # The status alone says what to do; asking again for the rest of a 500 costs quota.
            if not failed:
                raise
        return bytes(chunks)

    def _translate(self, error: httpx.HTTPError, deadline: Deadline) -> ProviderError:
        repeat = Repeat.READS
        match error:
            case httpx.ConnectError():
                what, repeat = f"cannot be reached at {self._host}", Repeat.ANY
            case httpx.ConnectTimeout():
                what = f"cannot be reached at {self._host}: no connection in time"
            case httpx.PoolTimeout():
                what, repeat = "was not asked: too many calls at once", Repeat.NEVER
            case httpx.TimeoutException():
                what = "did not answer in time"
            case httpx.DecodingError() | httpx.RemoteProtocolError() | httpx.ReadError():
                what = "broke off its answer"
            case httpx.LocalProtocolError() | httpx.UnsupportedProtocol():
                what, repeat = "was not asked: the request is malformed", Repeat.NEVER
            case _:
                what = "cannot be reached: the connection failed"
        if deadline.left() <= 0:
            what = f"did not answer within {self._deadline_s:g} seconds"
        return Unavailable(f"{self.label} {what}", provider=self.provider, repeat=repeat)


def repeat_for(status: int) -> Repeat:
    """Return whether a refusal with this status may be followed by the same request at once.

    Never a 500: at a bank each one counts towards the suspension of the account.
    """
    return Repeat.READS if status in _GATEWAY_STATUSES else Repeat.NEVER


def _host(base_url: str, label: str) -> str:
    try:
        host = httpx.URL(base_url).host
    except httpx.InvalidURL:
        host = ""
    if not host:
        message = f"the base URL of {label} is malformed"
        raise ConfigurationError(message)
    return host
