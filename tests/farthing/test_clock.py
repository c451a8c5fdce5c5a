"""The one clock: what instant and what day the ledger believes it is."""

from __future__ import annotations

import datetime as dt
import os
from unittest import mock
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing import clock
from farthing.errors import ConfigurationError

ZONES = sorted(available_timezones())
LONDON = "Europe/London"

instants = st.datetimes(
    min_value=dt.datetime(1970, 1, 2),  # noqa: DTZ001 - the strategy adds the zone
    max_value=dt.datetime(2100, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    timezones=st.just(dt.UTC),
)


def at(instant: str) -> mock._patch_dict:
    """Hypothesis runs many examples in one test, for which monkeypatch is undone too late."""
    return mock.patch.dict(os.environ, {clock.NOW_VARIABLE: instant})


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-15T09:00:00Z",
        "2026-03-15T09:00:00+00:00",
        "2026-03-15T10:00:00+01:00",
        "2026-03-14T23:00:00-10:00",
        "2026-03-15T09:00:00",
        "2026-03-15 09:00",
    ],
)
def test_one_instant_in_any_spelling(text: str) -> None:
    with at(text):
        assert clock.now() == dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)
        assert clock.now().tzinfo is dt.UTC


def test_without_the_variable_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(clock.NOW_VARIABLE, raising=False)

    before = dt.datetime.now(dt.UTC)
    instants = [clock.now(), clock.now()]
    after = dt.datetime.now(dt.UTC)

    assert before <= instants[0] <= instants[1] <= after
    assert instants[0].tzinfo is dt.UTC


def test_the_variable_counts_from_the_moment_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for day in ("2026-03-15", "2026-03-16"):
        monkeypatch.setenv(clock.NOW_VARIABLE, f"{day}T09:00:00Z")
        assert clock.today().isoformat() == day


@pytest.mark.parametrize(
    "text",
    [
        "now",
        "15/03/2026",
        "2026-13-01T00:00:00Z",
        "2026-03-15T09:00:00+25:00",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "1773565200",
        " ",
        "2026-03-15T09:00:00Z\nX",
    ],
)
def test_malformed_instant_is_one_line_that_names_the_variable(text: str) -> None:
    with at(text), pytest.raises(ConfigurationError, match=r"^FARTHING_NOW: ") as caught:
        clock.now()

    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("instant", "zone", "day"),
    [
        ("2026-03-15T23:59:59Z", "UTC", "2026-03-15"),
        ("2026-03-16T00:00:00Z", "UTC", "2026-03-16"),
        # In summer London is already in tomorrow for the last hour of a day in UTC.
        ("2026-07-01T22:59:59Z", LONDON, "2026-07-01"),
        ("2026-07-01T23:00:00Z", LONDON, "2026-07-02"),
        ("2026-01-01T23:30:00Z", LONDON, "2026-01-01"),
        # Clocks go forward on 29 March 2026 and back on 25 October 2026, both at 01:00 UTC.
        ("2026-03-28T23:59:59Z", LONDON, "2026-03-28"),
        ("2026-03-29T00:00:00Z", LONDON, "2026-03-29"),
        ("2026-03-29T22:59:59Z", LONDON, "2026-03-29"),
        ("2026-03-29T23:00:00Z", LONDON, "2026-03-30"),
        ("2026-10-24T23:00:00Z", LONDON, "2026-10-25"),
        ("2026-10-25T23:00:00Z", LONDON, "2026-10-25"),
        ("2026-10-26T00:00:00Z", LONDON, "2026-10-26"),
        # Here midnight itself is skipped (Santiago) and passed twice (Havana).
        ("2026-09-06T03:59:59Z", "America/Santiago", "2026-09-05"),
        ("2026-09-06T04:00:00Z", "America/Santiago", "2026-09-06"),
        ("2026-11-01T04:59:59Z", "America/Havana", "2026-11-01"),
        ("2026-11-01T03:59:59Z", "America/Havana", "2026-10-31"),
        # The ends of the world.
        ("2026-03-15T09:59:59Z", "Pacific/Kiritimati", "2026-03-15"),
        ("2026-03-15T10:00:00Z", "Pacific/Kiritimati", "2026-03-16"),
        ("2026-03-15T10:59:59Z", "Pacific/Pago_Pago", "2026-03-14"),
        ("2026-03-15T18:15:00Z", "Asia/Kathmandu", "2026-03-16"),
    ],
)
def test_today_around_midnight(instant: str, zone: str, day: str) -> None:
    with at(instant):
        assert clock.today(zone).isoformat() == day
        assert clock.today(ZoneInfo(zone)).isoformat() == day


@given(instant=instants, zone=st.sampled_from(ZONES))
def test_today_is_the_day_that_holds_the_instant(instant: dt.datetime, zone: str) -> None:
    with at(instant.isoformat()):
        day = clock.today(zone)
        assert clock.now() == instant

    local = instant.astimezone(ZoneInfo(zone))
    assert day == local.date()
    assert abs(dt.datetime.combine(day, local.time(), dt.UTC) - instant) <= dt.timedelta(hours=26)


@given(
    instant=instants,
    offset=st.integers(min_value=-14 * 60 + 1, max_value=14 * 60).map(
        lambda minutes: dt.timezone(dt.timedelta(minutes=minutes))
    ),
)
def test_an_offset_changes_the_spelling_and_not_the_instant(
    instant: dt.datetime, offset: dt.timezone
) -> None:
    assert clock.parse_instant(instant.astimezone(offset).isoformat()) == instant


@given(instants, instants, st.sampled_from(ZONES))
def test_a_later_instant_is_never_an_earlier_day_in_utc(
    one: dt.datetime, other: dt.datetime, zone: str
) -> None:
    first, last = sorted((one, other))
    with at(first.isoformat()):
        first_day, first_local = clock.today(), clock.today(zone)
    with at(last.isoformat()):
        assert clock.today() >= first_day
        # Islands have crossed the date line, and some have lived a day twice.
        assert clock.today(zone) >= first_local - dt.timedelta(days=1)


@pytest.mark.parametrize(
    "zone", ["Mars/Olympus", "", "Europe", "../etc/passwd", "x" * 300, "\x00", "tzdata.zi"]
)
def test_unknown_zone_is_one_line(zone: str) -> None:
    with pytest.raises(ConfigurationError, match="is not in the IANA database") as caught:
        clock.today(zone)

    assert len(str(caught.value).splitlines()) == 1


@given(st.text())
def test_any_text_is_an_instant_or_a_configuration_error(text: str) -> None:
    try:
        instant = clock.parse_instant(text)
    except ConfigurationError as error:
        message = str(error)
    else:
        message = f"{instant:%z}"
    assert len(message.splitlines()) == 1
