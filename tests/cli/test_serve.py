"""``farthing up`` and ``farthing down``; what they start is judged with the services."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from cli import demo_home, service_state, services
from farthing.settings import Settings
from tests.cli.support import farthing

Extra = Mapping[str, Sequence[str]] | None


def test_up_on_a_busy_port_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    with ExitStack() as stack:
        # If somebody else has it already, so much the better.
        with suppress(OSError):
            stack.enter_context(socket.create_server((service_state.HOST, service_state.PORT)))

        result = farthing("up")

    assert result.code == 1
    assert str(service_state.PORT) in result.error
    assert not (tmp_path / "home" / "postgres").exists()


def test_down_without_anything_up_is_no_failure() -> None:
    result = farthing("down")

    assert (result.code, result.out) == (0, "Nothing was running.\n")


@pytest.mark.parametrize("is_demo", [True, False])
def test_up_runs_the_sandbox_where_it_is_due(
    is_demo: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Settings, Extra]] = []

    def up(settings: Settings, *, extra: Extra = None) -> services.Services:
        asked.append((settings, extra))
        return services.Services("http://127.0.0.1:3000", was_running=False)

    monkeypatch.setattr(services, "up", up)
    if is_demo:
        demo_home.mark(Settings.load())

    result = farthing("up")

    assert result.code == 0
    assert "http://127.0.0.1:3000" in result.out
    ((settings, extra),) = asked
    assert bool(extra) == is_demo
    assert ("127.0.0.1" in settings.gocardless_base_url) == is_demo
