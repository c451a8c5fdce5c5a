"""The sandbox of a demo: one for all commands of a home, as long as one of them runs."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import httpx
import pytest

from cli import demo_home
from farthing.settings import Settings


@pytest.fixture
def settings(own_environment: None, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of the home of a demo."""
    monkeypatch.setenv("FARTHING_NOW", "2026-03-15T09:00:00Z")
    settings = Settings.load()
    demo_home.mark(settings)
    return settings


def _pid(settings: Settings) -> int:
    return int((settings.home / "sandbox.pid").read_text())


def _clock(sandbox: demo_home.DemoSandbox) -> str:
    answer = httpx.get(f"{sandbox.url}/sandbox/clock")
    return str(answer.json()["now"])


def test_sandbox_runs_once_for_all_who_need_it(settings: Settings) -> None:
    with demo_home.providers(settings) as first:
        assert first is not None
        first.wait()
        assert os.environ["GOCARDLESS_BASE_URL"] == f"{first.url}/api/v2"
        with demo_home.running(settings.home) as second:
            assert second == first
        assert _clock(first).startswith("2026-03-15T09:00:00")
    assert not first.answers()
    assert "GOCARDLESS_BASE_URL" not in os.environ
    assert "TRADING212_BASE_URL" not in os.environ


def test_sandbox_of_a_killed_command_is_taken_over_and_ended(settings: Settings) -> None:
    pid = os.fork()
    if pid == 0:  # a command that is killed while it runs
        with demo_home.running(settings.home) as sandbox:
            sandbox.wait()
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    left = _pid(settings)

    with demo_home.running(settings.home) as sandbox:
        sandbox.wait()
        assert _pid(settings) == left
    assert not sandbox.answers()


def test_sweep_ends_what_nobody_uses(settings: Settings) -> None:
    with demo_home.running(settings.home) as sandbox:
        sandbox.wait()
        demo_home.sweep(settings.home)
        assert sandbox.answers()
        left = _pid(settings)
        (settings.home / "sandbox.pid").rename(settings.home / "kept.pid")
    assert sandbox.answers()
    (settings.home / "kept.pid").rename(settings.home / "sandbox.pid")
    assert _pid(settings) == left

    demo_home.sweep(settings.home)

    assert not sandbox.answers()


def test_taken_port_is_left_to_who_has_it(settings: Settings) -> None:
    with demo_home.running(settings.home) as sandbox:
        sandbox.wait()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", sandbox.port))
        other.listen()
        with demo_home.running(settings.home) as moved:
            moved.wait()
            assert moved.port != sandbox.port


def test_sandbox_that_does_not_start_says_where_its_log_is(settings: Settings) -> None:
    (settings.home / "sandbox.json").write_text("no state")

    with (
        demo_home.running(settings.home) as sandbox,
        pytest.raises(demo_home.SandboxError, match=r"sandbox\.log"),
    ):
        sandbox.wait()


@pytest.mark.parametrize("variable", demo_home.PROVIDER_VARIABLES)
def test_variables_of_the_user_win(
    variable: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:1/api")

    with demo_home.providers(settings) as sandbox:
        assert sandbox is None


def test_other_homes_and_databases_get_no_sandbox(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FARTHING_DATABASE_URL", "postgresql://ann@127.0.0.1/real")
    assert not demo_home.is_demo(Settings.load())
    monkeypatch.delenv("FARTHING_DATABASE_URL")
    assert demo_home.is_demo(Settings.load())
    monkeypatch.setenv("FARTHING_HOME", str(tmp_path / "another"))
    assert not demo_home.is_demo(Settings.load())
