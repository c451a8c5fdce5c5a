"""One deadline over everything that a call does.

The timeouts of an HTTP library bound a single read or write, so a server that sends one byte a
second holds a call for as long as it likes, in the headers as well as in the body. Here every
wait on a socket is cut to what is left of the call that it belongs to.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
import urllib.request
from collections.abc import Iterable, Iterator

import httpcore
import httpx

_MAX_CONNECTIONS = 20
_KEEPALIVE_S = 5.0

# A call runs in one thread from its first byte to its last, and the library's streams do not know
# which request they serve: the thread is the only thing that leads from a read to its deadline.
_current = threading.local()


class Deadline:
    """A point on the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that remain, never less than zero."""
        return max(0.0, self._at - time.monotonic())

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Take no time from the call meanwhile."""
        started = time.monotonic()
        try:
            yield
        finally:
            self._at += time.monotonic() - started

    @contextlib.contextmanager
    def enforced(self) -> Iterator[None]:
        """Cut every wait of this thread on a socket of :class:`DeadlineTransport`."""
        outer = getattr(_current, "deadline", None)
        _current.deadline = self
        try:
            yield
        finally:
            _current.deadline = outer


def _cut(timeout: float | None, expired: type[Exception]) -> float | None:
    deadline: Deadline | None = getattr(_current, "deadline", None)
    if deadline is None:
        return timeout
    left = deadline.left()
    if left <= 0:
        message = "the deadline of the whole call has passed"
        raise expired(message)
    return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _cut(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _cut(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        timeout = _cut(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        timeout = _cut(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.connect_tcp(host, port, timeout, local_address, socket_options))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class DeadlineTransport(httpx.BaseTransport):
    """A pool of connections to one host, whose every wait obeys the deadline of its call."""

    def __init__(self, base_url: str) -> None:
        url = httpx.URL(base_url)
        proxy = _proxy_of(url)
        self._pool = httpcore.ConnectionPool(
            # Loading the certificates takes longer than a call over loopback.
            ssl_context=httpx.create_ssl_context() if url.scheme == "https" else None,
            proxy=httpcore.Proxy(proxy) if proxy else None,
            max_connections=_MAX_CONNECTIONS,
            keepalive_expiry=_KEEPALIVE_S,
            network_backend=_Backend(),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the body is read by whoever asked."""
        with _as_httpx():
            response = self._pool.handle_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(
                        scheme=request.url.raw_scheme,
                        host=request.url.raw_host,
                        port=request.url.port,
                        target=request.url.raw_path,
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


def _proxy_of(url: httpx.URL) -> str | None:
    """Return the proxy that the environment names for this host, as other programs read it."""
    if urllib.request.proxy_bypass(url.host):
        return None
    return urllib.request.getproxies().get(url.scheme)


@contextlib.contextmanager
def _as_httpx() -> Iterator[None]:
    """Raise httpx's error of the same name, without the original, which may quote a body."""
    try:
        yield
    except (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.ProxyError,
        httpcore.UnsupportedProtocol,
    ) as error:
        name = type(error).__name__
        raise getattr(httpx, name)(name) from None
