"""``python -m sandbox``: serve both providers until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import signal
import socket
import sys
from pathlib import Path

import uvicorn

from sandbox.clock import parse_instant
from sandbox.server import DAILY_LIMIT, HOST, Options, address, http_server, listen


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    :returns: 0 when it was asked to stop, 1 if the port is taken, 2 on wrong use.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    options = Options(
        seed=given.seed,
        now=given.now,
        state=given.state,
        daily_limit=given.daily_limit,
        gocardless_limits=given.gocardless_limits == "on",
        trading212_limits=given.trading212_limits == "on",
    )
    try:
        core = options.core()
    except (OSError, ValueError) as error:
        parser.error(str(error))
    try:
        listener = listen(given.host, given.port)
    except OSError as error:
        reason = error.strerror or error
        sys.stderr.write(f"sandbox: cannot listen on {given.host}:{given.port}: {reason}\n")
        return 1
    with listener:
        asyncio.run(_serve(http_server(core), listener))
    return 0


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    # The server hands a signal that stopped it back to the handler it found. This one makes that
    # harmless, so that a clean stop is exit code 0 and not death by the signal.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.005)
    if server.started:
        sys.stdout.write(f"sandbox ready on {address(listener)}\n")
        sys.stdout.flush()
    await serving


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox", description="Serve GoCardless and Trading 212 over a made-up household."
    )
    parser.add_argument("--host", default=HOST, help="address to bind (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int, help="of a new world (default: 7)")
    parser.add_argument("--now", type=_instant, metavar="ISO", help="stand still at an instant")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep consents and the clock")
    parser.add_argument(
        "--daily-limit",
        type=_at_least_one,
        default=DAILY_LIMIT,
        metavar="N",
        help="successful calls a day for each bank account and scope (default: %(default)s)",
    )
    for name in ("gocardless", "trading212"):
        parser.add_argument(
            f"--{name}-limits",
            choices=("off", "on"),
            default="off",
            help="enforce the documented limits a minute (default: %(default)s)",
        )
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        message = f"{text!r} is not a port"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        message = f"{text!r} is not a number from 1"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _instant(text: str) -> dt.datetime:
    try:
        return parse_instant(text)
    except ValueError as error:
        message = f"{text!r} is not an ISO 8601 instant such as 2026-03-15T09:00:00Z"
        raise argparse.ArgumentTypeError(message) from error


if __name__ == "__main__":
    sys.exit(main())
