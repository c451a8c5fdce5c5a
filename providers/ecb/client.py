"""The client of the European Central Bank's reference rates; they are public."""

from __future__ import annotations

import datetime as dt
from types import TracebackType
from typing import Self

import httpx

from providers.ecb.rows import Rate, read_rates
from providers.errors import ProviderError, Unavailable
from providers.http import Reply, Timeouts, Transport

PROVIDER = "ecb"
LABEL = "the European Central Bank"

DEADLINE_S = 10.0

# The whole history has less than 1 MB.
_MAX_BODY_BYTES = 16 * 1024 * 1024
_ARCHIVE = "/eurofxref-hist.zip"


class EcbClient:
    """Reads the archive of daily reference rates."""

    def __init__(
        self,
        base_url: str,
        *,
        deadline_s: float = DEADLINE_S,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Ask for nothing yet.

        :param base_url: the folder of the archive.
        :param transport: another transport in place of the network.
        """
        self._http = Transport(
            base_url,
            provider=PROVIDER,
            label=LABEL,
            deadline_s=deadline_s,
            timeouts=Timeouts(connect=3.0),
            # No repeat fits in: who is offline should not wait, and the next run asks again.
            backoff_s=deadline_s,
            max_body_bytes=_MAX_BODY_BYTES,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def rates(self, *, first: dt.date, last: dt.date) -> list[Rate]:
        """Return the reference rates of some days, both ends included.

        :raises ProviderError: if the bank gives no archive of rates.
        """
        reply = self._http.call(
            "GET",
            _ARCHIVE,
            _refused,
            deadline=self._http.deadline(),
            headers={"Accept": "application/zip"},
        )
        try:
            return read_rates(reply.body, first=first, last=last)
        except ValueError as error:
            self._http.distrust(f"answered with {error}", status=reply.status)


def _refused(reply: Reply) -> ProviderError:
    message = f"{LABEL} has no rates to give: status {reply.status}"
    return Unavailable(message, provider=PROVIDER, status=reply.status)
