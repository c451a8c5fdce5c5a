"""A message to a person's own channel, through Apprise.

An address is a URL with the credentials in it, and Apprise and what it stands on log URLs. Nothing
of what they say is passed on but the status that a service answered.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import re
import threading
from collections.abc import Iterator
from typing import Any

import apprise
from pydantic import SecretStr

from farthing.errors import FarthingError

TITLE = "Farthing"
LONGEST_SECONDS = 15.0
"""For a service to accept a connection, and for it to answer."""

_STATUS = re.compile(r"\berror=(\d{3})\b")


class AddressError(FarthingError):
    """Apprise knows no service of an address, or the address lacks a part that it needs."""

    exit_code = 2


class SendError(FarthingError):
    """A message did not reach its channel, as far as can be told; it may be sent again."""


def check_address(address: SecretStr) -> None:
    """Make sure that an address is one that messages can be sent to. Nothing is sent.

    :raises AddressError: if it is not; the message holds nothing of the address.
    """
    with _overheard():
        _service(address)


def send(address: SecretStr, message: str, *, key: str) -> None:
    """Send one message and wait until its service has taken it.

    :param key: the same for every attempt to send the same message; services that are told by an
        HTTP request of one's own design get it as the header ``Idempotency-Key``.
    :raises AddressError: as :func:`check_address`.
    :raises SendError: if the service did not take it; the message holds nothing of the address.
    """
    with _overheard() as said:
        service = _service(address)
        headers = getattr(service, "headers", None)
        if isinstance(headers, dict) and "headers" in service.template_kwargs:
            headers["Idempotency-Key"] = key
        sender = apprise.Apprise(asset=_asset())
        sender.add(service)
        if not sender.notify(title=TITLE, body=message):
            raise SendError(_reason("\n".join(said)))


def _service(address: SecretStr) -> Any:
    service = apprise.Apprise.instantiate(address.get_secret_value(), asset=_asset())
    if service is None:
        message = (
            "the address is none that Apprise can send to; "
            "it looks like ntfy://topic or mailto://user:password@example.org"
        )
        raise AddressError(message)
    # What the address asks for is bounded: a delivery is locked while it is sent.
    service.socket_connect_timeout = min(service.socket_connect_timeout, LONGEST_SECONDS)
    service.socket_read_timeout = min(service.socket_read_timeout, LONGEST_SECONDS)
    service.retry = 0
    return service


@functools.cache
def _asset() -> apprise.AppriseAsset:
    return apprise.AppriseAsset(
        app_id="Farthing",
        app_desc="Farthing",
        app_url="",
        # No picture from somebody else's server in a message.
        image_url_mask="",
        image_url_logo="",
        async_mode=False,
        # Nothing is written to the disk.
        storage_mode="memory",
        pgp_autogen=False,
        pem_autogen=False,
    )


def _reason(said: str) -> str:
    if status := _STATUS.search(said):
        return f"the service answered {status[1]}"
    if "onnection error" in said:
        return "the service could not be reached"
    return "the service did not take it"


class _Listener(logging.Handler):
    """Hears what one thread's sending says."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.said.append(record.getMessage())


@contextlib.contextmanager
def _overheard() -> Iterator[list[str]]:
    """Keep to ourselves what is logged inside."""
    _hush()
    listener = _Listener()
    logger = logging.getLogger("apprise")
    logger.addHandler(listener)
    try:
        yield listener.said
    finally:
        logger.removeHandler(listener)


@functools.cache
def _hush() -> None:
    """Keep what the libraries under it log from everybody else, once in a process."""
    logging.getLogger("apprise").propagate = False
    # It logs the path of each request, where some services have their token.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
