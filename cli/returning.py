"""Where the bank sends the browser while a command waits: a page of ours, for one visit."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from socketserver import StreamRequestHandler, ThreadingTCPServer

_HOST = "127.0.0.1"
_PAGE = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Farthing</title></head>'
    "<body><p>Thank you. You can close this page; Farthing goes on where you started it.</p>"
    "</body></html>"
)
_LONGEST_LINE = 4096
_PATIENCE_SECONDS = 5.0


class Return:
    """A visit that is waited for.

    :ivar url: where the bank is to send the browser.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._query: str | None = None
        self._came = threading.Event()

    def come(self, query: str) -> None:
        """Take in what the browser brought."""
        self._query = query
        self._came.set()

    def wait(self, seconds: float) -> str | None:
        """Wait for the browser.

        :returns: the query of the address that it was sent to, once; None if nobody came.
        """
        if not self._came.wait(seconds):
            return None
        self._came.clear()
        return self._query


@contextmanager
def listening() -> Iterator[Return]:
    """Take in the browser that comes back from the bank, as long as the block lasts.

    Only this machine can reach it. A browser elsewhere finds nobody; the consent counts all the
    same, for what became of it is asked of GoCardless.
    """

    class Visitor(StreamRequestHandler):
        timeout = _PATIENCE_SECONDS

        def handle(self) -> None:
            words = self.rfile.readline(_LONGEST_LINE).decode("ascii", "replace").split()
            path, _, query = (words[1] if len(words) > 1 else "").partition("?")
            is_visit = words[:1] == ["GET"] and path == "/" and bool(query)
            status = HTTPStatus.OK if is_visit else HTTPStatus.NOT_FOUND
            page = _PAGE if is_visit else ""
            self.wfile.write(
                f"HTTP/1.1 {status.value} {status.phrase}\r\n"
                "Content-Type: text/html; charset=utf-8\r\n"
                f"Content-Length: {len(page)}\r\nConnection: close\r\n\r\n{page}".encode()
            )
            if is_visit:
                visit.come(query)

    with ThreadingTCPServer((_HOST, 0), Visitor) as server:
        server.daemon_threads = True
        visit = Return(f"http://{_HOST}:{server.server_address[1]}/")
        thread = threading.Thread(target=server.serve_forever, name="return", daemon=True)
        thread.start()
        try:
            yield visit
        finally:
            server.shutdown()
            thread.join()
