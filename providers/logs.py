"""What the libraries under the transport log, made fit to be read and kept."""

from __future__ import annotations

import functools
import logging

import httpx
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from farthing.errors import FarthingError

logger = logging.getLogger(__name__)


class _QueryFilter(logging.Filter):
    """Takes user, password and query off the URLs that httpx logs with every request."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                f"{arg.scheme}://{arg.netloc.decode()}{arg.path}"
                if isinstance(arg, httpx.URL)
                else arg
                for arg in record.args
            )
        return True


def _log_retry(details: RetryDetails) -> None:
    # Other errors than ours may quote anything.
    cause = details.caused_by
    text = str(cause) if isinstance(cause, FarthingError) else type(cause).__name__
    logger.info("%s; asking again in %.1f s", text, details.wait_for)


@functools.cache
def tame_libraries() -> None:
    """Make what the libraries log fit to be read, once in a process."""
    logging.getLogger("httpx").addFilter(_QueryFilter())
    # stamina would print each repeat to standard output through structlog, which Dagster brings
    # along; there it would end up in the JSON of a command.
    set_on_retry_hooks([_log_retry])
