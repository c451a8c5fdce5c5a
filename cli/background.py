"""Long work that Ctrl-C can end."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def interruptible(work: Callable[[], T]) -> T:
    """Do something in another thread and wait for it here, where interrupts arrive.

    Dagster takes interrupts for itself while a job runs in the main thread, and loses those that
    come between its steps. After one, the work is left as if the process had been killed, which it
    has to bear anyway: each account is one transaction, and the next run closes the open one.

    :raises KeyboardInterrupt: after an interrupt; nothing is written to the error stream any more.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            future.set_exception(error)

    try:
        threading.Thread(target=run, name="job", daemon=True).start()
        return future.result()
    except KeyboardInterrupt:
        # What it still has to say is about the database that is being taken from it, and Dagster
        # says some of that past the logs.
        logging.disable(logging.CRITICAL)
        threading.excepthook = lambda _: None
        sys.stderr.write("\n")
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - until the process ends
        raise
