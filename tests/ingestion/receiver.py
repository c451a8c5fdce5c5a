"""A service on this machine that takes messages, and says what it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PASSWORD = "s3cret-pass-word"


@dataclass(frozen=True)
class Message:
    """:param path: which of the service's channels it was sent to."""

    path: str
    text: str
    key: str


@dataclass
class Receiver:
    """:param answer: the status of the answer to a path.

    :param before: called with each message before it is answered.
    """

    port: int = 0
    messages: list[Message] = field(default_factory=list)
    answer: Callable[[str], int] = lambda _path: 200
    before: Callable[[Message], object] = lambda _message: None

    def address(self, path: str) -> str:
        """What a user would give to have messages sent here."""
        return f"json://ann:{PASSWORD}@127.0.0.1:{self.port}/{path}"


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            path = self.path.strip("/")
            message = Message(path, body["message"], self.headers["Idempotency-Key"])
            receiver.messages.append(message)
            receiver.before(message)
            try:
                self.send_response(receiver.answer(path))
                self.end_headers()
            except OSError:
                self.close_connection = True  # nobody is there any more

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
