"""Work that is interrupted says nothing more."""

from __future__ import annotations

import subprocess
import sys

from farthing.settings import PROJECT_ROOT

_INTERRUPTED = """
import logging, signal, sys, threading
from cli.background import interruptible

signal.signal(signal.SIGINT, signal.default_int_handler)
may_speak, spoke = threading.Event(), threading.Event()

def work():
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    may_speak.wait()
    logging.getLogger().critical("the database is gone")
    sys.stderr.write("the database is gone")
    spoke.set()

try:
    interruptible(work)
except KeyboardInterrupt:
    may_speak.set()
    spoke.wait()
    print("interrupted")
"""


def test_work_that_goes_on_after_an_interrupt_is_not_heard() -> None:
    result = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert (result.stdout, result.stderr) == ("interrupted\n", "\n")
