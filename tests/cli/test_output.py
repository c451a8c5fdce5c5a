"""How things are shown."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from decimal import Decimal

import pytest

from cli import output


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "0.00"),
        ("-1234.5", "-1,234.50"),
        ("1E+3", "1,000.00"),
        ("0.0001", "0.0001"),
        ("12345678901234567.45", "12,345,678,901,234,567.45"),
        (None, ""),
    ],
)
def test_money_loses_no_digit(amount: str | None, shown: str) -> None:
    assert output.money(None if amount is None else Decimal(amount)) == shown


def test_text_of_a_provider_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(("Name",), [("\x1b[31mred\x07 [bold]plain[/bold]\r\nnext",)])

    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "[bold]plain[/bold]" in shown
    assert len(shown.splitlines()) == 3


def test_json_is_exact(capsys: pytest.CaptureFixture[str]) -> None:
    moment = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)
    identity = uuid.uuid4()

    output.print_json({"a": Decimal("1.10"), "b": moment, "c": moment.date(), "d": identity})

    assert json.loads(capsys.readouterr().out) == {
        "a": "1.10",
        "b": "2026-03-15T09:00:00+00:00",
        "c": "2026-03-15",
        "d": str(identity),
    }


def test_json_refuses_what_it_does_not_know() -> None:
    with pytest.raises(TypeError, match="object"):
        output.print_json(object())


def test_progress_of_a_pipe_is_a_line_beside_the_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with output.working("Reading"):
        pass

    assert capsys.readouterr() == ("", "Reading ...\n")


@pytest.mark.parametrize(("number", "shown"), [(0, "0 rows"), (1, "1 row"), (1200, "1,200 rows")])
def test_count_agrees_with_its_noun(number: int, shown: str) -> None:
    assert output.count(number, "row") == shown
