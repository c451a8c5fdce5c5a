"""The one place that reaches below HTTP: it remembers connections, so that one can be reset."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

_LINGER_NOT = struct.pack("ii", 1, 0)
_open: dict[tuple[str, int], asyncio.Transport] = {}


class Protocol(H11Protocol):
    """HTTP/1.1 whose transports can be found by the caller's address."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the connection."""
        super().connection_made(transport)
        _open[_peer(transport)] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        _open.pop(_peer(self.transport), None)
        super().connection_lost(exc)


def reset(scope: Scope) -> None:
    """Reset the connection of a request, so that the caller sees no orderly end."""
    transport = _open.get(tuple(scope["client"]))
    if transport is None:
        return
    connection: Any = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    transport.abort()


def _peer(transport: asyncio.Transport) -> tuple[str, int]:
    host, port = transport.get_extra_info("peername")[:2]
    return str(host), int(port)
