"""The sandbox as a process: ready line, clean stop, kept state, wrong use."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.__main__ import main
from sandbox.server import Sandbox, running
from tests.sandbox.bank import Bank

NOW = "2026-03-15T09:00:00Z"
READY = "sandbox ready on "


@contextmanager
def _process(*arguments: str) -> Iterator[tuple[Sandbox, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "sandbox", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        assert line.startswith(READY), line
        yield Sandbox(line.removeprefix(READY)), process
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


@pytest.mark.slow
def test_a_killed_process_goes_on_with_the_same_ids(tmp_path: Path) -> None:
    state = tmp_path / "sandbox.json"
    with _process("--now", NOW, "--seed", "3", "--state", str(state)) as (sandbox, process):
        with Bank(sandbox) as bank:
            requisition = bank.link()
            account = requisition["accounts"][0]
            rows = bank.get(f"/accounts/{account}/transactions/").json()
        process.kill()
        process.wait(timeout=20)
        with _process("--state", str(state)) as (again, _), Bank(again) as bank:
            assert bank.get(f"/requisitions/{requisition['id']}/").json()["status"] == "LN"
            answer = bank.get(f"/accounts/{account}/transactions/")
            assert answer.json() == rows
            assert answer.headers["http_x_ratelimit_account_success_remaining"] == "2"
            assert again.truth()["seed"] == 3
        process.returncode = 0


def test_state_keeps_start_clock_and_tokens(tmp_path: Path) -> None:
    state = tmp_path / "sandbox.json"
    with running(now=NOW, state=state) as sandbox, Bank(sandbox) as bank:
        refresh = bank.login()["refresh"]
        sandbox.advance(days=40, hours=-1)
        start = sandbox.truth()["start"]
    with running(state=state) as sandbox:
        assert sandbox.now().isoformat() == "2026-04-24T08:00:00+00:00"
        assert sandbox.truth()["start"] == start == "2024-04-01"
        with Bank(sandbox) as bank:
            assert bank.post("/token/refresh/", json={"refresh": refresh}).status_code == 401
    assert [path.name for path in tmp_path.iterdir()] == ["sandbox.json"]


def test_a_ticking_clock_ticks(tmp_path: Path) -> None:
    with running(state=tmp_path / "s.json") as sandbox:
        before = sandbox.now()
        sandbox.advance(days=2)
        assert (sandbox.now() - before).days == 2
        assert json.loads((tmp_path / "s.json").read_text())["clock"]["offset_seconds"] == 172_800


@pytest.mark.parametrize(
    "arguments",
    [["--port", "x"], ["--port", "70000"], ["--now", "noon"], ["--daily-limit", "0"], ["--what"],
     ["--trading212-limits", "some"], ["--seed", "x"]],
)  # fmt: skip
def test_wrong_use_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    assert capsys.readouterr().err


def test_a_state_file_of_another_kind_exits_with_2(tmp_path: Path) -> None:
    odd = tmp_path / "odd.json"
    odd.write_text("[]")
    with pytest.raises(SystemExit) as raised:
        main(["--state", str(odd)])
    assert raised.value.code == 2
    with running(seed=1, now=NOW, state=tmp_path / "one.json"):
        pass
    with (
        pytest.raises(ValueError, match="was made with seed 1, not 2"),
        running(seed=2, state=tmp_path / "one.json"),
    ):
        pass


def test_a_busy_port_is_one_line_and_exit_1(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port), "--now", NOW]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"sandbox: cannot listen on 127.0.0.1:{port}: ")
    assert error.count("\n") == 1
