"""Reading loosely shaped values: what is absent is None, what is there is read exactly."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import text as read

json_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals()
    | st.floats()
    | st.text(st.characters())
)
json_values = st.recursive(
    json_scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
READERS: list[Callable[[Any], Any]] = [
    read.text,
    read.lines,
    read.decimal,
    read.currency,
    read.day,
    read.instant,
]
BLANK = [
    "",
    " ",
    "\u00a0",
    "\u200b",
    "\ufeff",
    "\t\r\n",
    "\x00",
    "\x1f\x7f",
    "\x85\x9f",
    "\u2066 \u2069",
]


@given(json_values)
def test_no_json_value_raises(value: Any) -> None:
    for reader in READERS:
        reader(value)


@pytest.mark.parametrize("value", [None, *BLANK])
def test_blank_in_any_disguise_is_absent(value: str | None) -> None:
    assert read.text(value) is None
    assert read.lines(value) == []
    assert read.decimal(value) is None
    assert read.currency(value) is None
    assert read.day(value) is None
    assert read.instant(value) is None


@pytest.mark.parametrize("value", [True, 0, Decimal("1.5"), [], {}, ["text"], {"text": "text"}])
def test_another_type_than_text_is_absent(value: Any) -> None:
    assert read.text(value) is None


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("Blue Door Bakery", "Blue Door Bakery"),
        ("  padded to a width      ", "padded to a width"),
        ("CAFÉ\u00a0DE\u00a0LA\u202fGARE", "CAFÉ DE LA GARE"),
        ("one\r\n\ttwo\x00three", "one two three"),
        ("\ufeffstart\u200b \u200dend\u2060", "start end"),
        ("\u202etfel\u202c", "tfel"),
        ("naïve 東京 🍞", "naïve 東京 🍞"),
    ],
)
def test_invisible_characters_become_one_space(given: str, shown: str) -> None:
    assert read.text(given) == shown


@given(st.text(st.characters()))
def test_read_text_reads_the_same_again(value: str) -> None:
    shown = read.text(value)

    assert read.text(shown) == shown
    assert shown is None or (shown == shown.strip() and "  " not in shown and shown.strip())


def test_lines_keep_their_order_and_leave_out_the_blank_ones() -> None:
    assert read.lines(["first", " ", None, {"a": 1}, "\u00a0second"]) == ["first", "second"]
    assert read.lines("one") == ["one"]


@pytest.mark.parametrize(
    ("given", "number"),
    [
        ("-12.0", "-12"),
        ("-9", "-9"),
        ("12.34", "12.34"),
        (" 12.34\u00a0", "12.34"),
        ("+7.50", "7.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1E+2", "100"),
        ("1e-2", "0.01"),
        ("-0.00", "0"),
        ("0.1234567890123456789012345678901", "0.1234567890123456789012345678901"),
        (12, "12"),
        (-3, "-3"),
        (Decimal("0.1"), "0.1"),
        (Decimal("1E+2"), "100"),
    ],
)
def test_decimal_is_exact(given: Any, number: str) -> None:
    assert read.decimal(given) == Decimal(number)


@pytest.mark.parametrize(
    "given",
    [
        "NaN",
        "sNaN",
        "Infinity",
        "-inf",
        Decimal("NaN"),
        Decimal("Infinity"),
        True,
        False,
        0.1,
        "12,34",
        "1,234.56",
        "1 234",
        "1_234",
        "١٢",
        "--5",
        "5-",
        "GBP 5",
        "0x10",
        ".",
        "e5",
        "1e",
        ["5"],
        {"amount": "5"},
    ],
)
def test_what_is_no_number_is_absent_and_never_zero(given: Any) -> None:
    assert read.decimal(given) is None


@pytest.mark.parametrize(
    "given",
    [
        "9" * 61,
        "0." + "0" * 60 + "1",
        "1e60",
        "1E+999999",
        "1e-999999",
        "1e9999999999999999999",
        "0e999",
        pytest.param(10**5000, id="an integer of 5001 digits"),
        Decimal("1E+999999"),
    ],
)
def test_number_that_no_ledger_means_is_absent(given: Any) -> None:
    assert read.decimal(given) is None


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=8, min_value=-(10**20), max_value=10**20
    )
)
def test_decimal_reads_what_decimal_writes(number: Decimal) -> None:
    for spelling in (number, str(number), f"{number:f}", f"{number:e}"):
        assert read.decimal(spelling) == number


@pytest.mark.parametrize(
    ("given", "code"),
    [("GBP", "GBP"), ("gbp", "GBP"), (" eur ", "EUR"), ("GBX", "GBX")],
)
def test_currency(given: str, code: str) -> None:
    assert read.currency(given) == code


@pytest.mark.parametrize(
    "given", ["£", "GB", "GBPX", "G1P", "ßab", "\uff27\uff22\uff30", "GB P", 826, ["GBP"]]
)
def test_what_is_no_currency_code_is_absent(given: Any) -> None:
    assert read.currency(given) is None


@pytest.mark.parametrize(
    "given",
    [
        "2024-01-02",
        " 2024-01-02 ",
        "2024-01-02T00:00:00Z",
        "2024-01-02T23:59:59.9999999+14:00",
        "2024-01-02T15:43:37.950",
        "2024-01-02 10:00",
    ],
)
def test_day_is_the_one_that_is_written(given: str) -> None:
    assert read.day(given) == dt.date(2024, 1, 2)


@pytest.mark.parametrize(
    "given",
    [
        *("placeholder", "2024-13-01", "2023-02-29", "0000-00-00", "02/01/2024", 20240102, []),
        # Days that no provider means, from which some days back or on cannot be counted.
        *("0001-01-01", "1969-12-31", "2200-01-01", "9999-12-31", "9999-12-31T23:59:59Z"),
    ],
)
def test_what_is_no_day_is_absent(given: Any) -> None:
    assert read.day(given) is None


@pytest.mark.parametrize(
    ("given", "instant"),
    [
        ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05+00:00"),
        ("2024-01-02T03:04:05+03:00", "2024-01-02T00:04:05+00:00"),
        ("2024-01-02T03:04:05", "2024-01-02T03:04:05+00:00"),
        ("2023-12-09T15:43:37.950", "2023-12-09T15:43:37.950000+00:00"),
        ("2024-01-02T03:04:05.1234567Z", "2024-01-02T03:04:05.123456+00:00"),
        ("2024-01-02T03:04:05.123456789+01:00", "2024-01-02T02:04:05.123456+00:00"),
    ],
)
def test_instant_is_utc(given: str, instant: str) -> None:
    read_instant = read.instant(given)

    assert read_instant is not None
    assert read_instant.isoformat() == instant


@pytest.mark.parametrize(
    "given",
    [
        "placeholder",
        "2024-01-02T25:00:00Z",
        "2024-01-02T03:04:05+99:00",
        # The null of some languages, and the end of time, carried out of the calendar.
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "9999-12-31T00:00:00Z",
        "1969-12-31T23:59:59Z",
        1704164645,
    ],
)
def test_what_is_no_instant_is_absent(given: Any) -> None:
    assert read.instant(given) is None


@given(
    st.datetimes(
        dt.datetime.combine(read.FIRST_DAY, dt.time.min),
        dt.datetime.combine(read.LAST_DAY, dt.time.max),
        timezones=st.just(dt.UTC),
    )
)
def test_instant_reads_what_is_written(instant: dt.datetime) -> None:
    assert read.instant(instant.isoformat()) == instant
    assert read.day(instant.isoformat()) == instant.date()
