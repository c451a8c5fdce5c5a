"""``farthing demo`` as a newcomer runs it: a process, an empty home, nothing configured."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from cli.demo import BANKS
from dagster_project.lib import manifest
from postgres.auth.operations import users
from postgres.common.operations import connections
from postgres.core import make_engine, make_sessions
from postgres.database import LEDGER
from postgres.embedded import EmbeddedServer
from sandbox.server import running
from tests.cli.support import (
    FARTHING,
    LedgerState,
    Result,
    assert_true,
    environment,
    farthing,
    process,
)

pytestmark = pytest.mark.slow

NOW = "2026-03-15T09:00:00Z"


@dataclass(frozen=True)
class Demo:
    """A demo that was killed half way, one that went through, and one more."""

    home: Path
    first: Result
    second: Result
    sessions: sessionmaker[Session]


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    manifest.build()
    home = Path(tempfile.mkdtemp(prefix="fd", dir="/tmp"))
    variables = {"FARTHING_HOME": str(home), "FARTHING_NOW": NOW}
    try:
        with EmbeddedServer(home, durable=False).lease() as address:
            _stop_half_way("demo", signal.SIGKILL, variables)
            first, second = process("demo", **variables), process("demo", **variables)
            engine = make_engine(address.url(LEDGER))
            yield Demo(home, first, second, make_sessions(engine))
            engine.dispose()
    finally:
        EmbeddedServer(home).stop()
        shutil.rmtree(home)


# A shell that runs the tests in the background has them ignore SIGINT, and their children too.
_HEED_SIGINT = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL);"
    " os.execv(sys.argv[1], sys.argv[1:])"
)


def _stop_half_way(command: str, number: signal.Signals, variables: dict[str, str]) -> Result:
    """Send a signal to a command as soon as it begins to read."""
    stopped = subprocess.Popen(
        [sys.executable, "-c", _HEED_SIGINT, FARTHING, command],
        env=environment(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert stopped.stderr is not None
    for line in stopped.stderr:
        if line.startswith("Reading"):
            break
    stopped.send_signal(number)
    out, err = stopped.communicate(timeout=60)
    return Result(stopped.returncode, out, err)


def test_ledger_equals_the_truth_to_the_row_and_cent(demo: Demo) -> None:
    assert demo.first.code == 0, demo.first.err
    with running(now=NOW, state=demo.home / "sandbox.json") as sandbox:
        assert_true(LedgerState.of(demo.sessions), sandbox.truth(), BANKS)


def test_summary_shows_what_a_newcomer_wants_to_see(demo: Demo) -> None:
    shown = demo.first.out

    for title in ("What was pulled", "The ledger", "Balances", "Recurring payments", "What next"):
        assert f"\n{title}\n" in shown
    assert len(re.findall(r" reconciles", shown)) == 6
    assert re.search(r"Trading 212 holds \d+ instruments worth [\d,.]+ GBP", shown)
    assert re.search(r"Expenses in an average month: .*-[\d,.]+ GBP", shown)
    assert re.search(r"farthing recurring accept [0-9a-f]{8}", shown)
    assert "farthing up" in shown


def test_summary_shows_no_account_number(demo: Demo) -> None:
    with running(now=NOW, state=demo.home / "sandbox.json") as sandbox:
        truth = sandbox.truth()
    secret = {
        str(account[name])
        for account in truth["bank_accounts"]
        for name in ("iban", "scan", "masked_pan")
        if account[name]
    }
    secret |= {number[-8:] for number in secret}
    secret |= {str(account["id"]) for account in truth["broker_accounts"]}

    assert "…7735" in demo.first.out
    shown = demo.first.out + demo.first.err + demo.second.out
    assert [number for number in secret if number in shown] == []


def test_second_demo_says_that_nothing_was_new(demo: Demo) -> None:
    assert demo.second.code == 0, demo.second.err
    assert "Nothing was new" in demo.second.out
    assert "Nothing was new" not in demo.first.out


def test_demo_is_set_up_once_however_often_it_is_begun(demo: Demo) -> None:
    with demo.sessions() as session:
        assert [user.name for user in users.list_users(session).items] == ["demo"]
        assert len(connections.list_with_institutions(session)) == 3


def test_other_commands_work_on_the_home_of_a_demo(demo: Demo) -> None:
    variables = {"FARTHING_HOME": str(demo.home), "FARTHING_NOW": NOW}

    status = process("status", "--json", **variables)
    # Only the sandbox can tell which banks there are.
    banks = process("connect", "gocardless", "--institution", "pennant", **variables)

    assert status.code == 0
    assert {each["drift"] for each in status.json["balances"]} == {"0.00"}
    assert banks.code == 2
    assert "PENNANT_PNNTGB2L" in banks.error


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_sync_ends_at_once_and_quietly(demo: Demo, number: signal.Signals) -> None:
    result = _stop_half_way("sync", number, {"FARTHING_HOME": str(demo.home), "FARTHING_NOW": NOW})

    assert result.code == 130
    assert (result.out, result.err.strip()) == ("", "")


def test_no_sandbox_is_left_behind(demo: Demo) -> None:
    assert not (demo.home / "sandbox.pid").exists()


def test_demo_leaves_a_database_with_users_alone(ledger: sessionmaker[Session], ann: str) -> None:
    result = farthing("demo")

    assert result.code == 2
    assert "belongs to ann" in result.error
    with ledger() as session:
        assert [user.name for user in users.list_users(session).items] == ["ann"]
