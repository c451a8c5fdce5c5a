"""When an account may be asked, by what is known of it."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.gocardless.planner import (
    GIVEN_UP,
    Standing,
    calls_allowed,
    calls_left,
    held_back,
)
from ingestion.run import Status

NOW = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)
MIDNIGHT = dt.datetime(2026, 3, 16, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def hours_ago(*hours: float) -> list[dt.datetime]:
    return [NOW - hour * HOUR for hour in hours]


def standing(**known: object) -> Standing:
    return Standing(**{"resource": "transactions", **known})  # type: ignore[arg-type]


def resumes(**known: object) -> dt.datetime | None:
    held = held_back(standing(**known), NOW)
    assert held is not None
    assert held.status is Status.DEFERRED
    return held.resumes_at


def test_without_headers_four_calls_a_day_in_utc() -> None:
    assert held_back(standing(called_at=hours_ago(30, 12, 8, 7, 6)), NOW) is None
    assert calls_left(standing(called_at=hours_ago(12, 8, 7, 6)), NOW) == 1
    assert resumes(called_at=hours_ago(8, 7, 6, 5)) == MIDNIGHT


def test_the_last_word_of_the_headers_counts_until_its_day_is_over() -> None:
    told = {"calls_limit": 4, "calls_remaining": 0, "observed_at": NOW - HOUR}
    assert resumes(**told, resets_at=NOW + 2 * HOUR) == NOW + 2 * HOUR
    assert held_back(standing(**told, resets_at=NOW), NOW) is None
    # Another program of the same company called too.
    told["calls_remaining"] = 1
    assert calls_left(standing(**told, resets_at=MIDNIGHT), NOW) == 1
    # We have called since.
    assert resumes(**told, resets_at=MIDNIGHT, called_at=hours_ago(0.5)) == MIDNIGHT


def test_calls_count_though_headers_count_successes_alone() -> None:
    told = {"calls_limit": 4, "calls_remaining": 3, "observed_at": NOW, "resets_at": MIDNIGHT}
    assert resumes(**told, called_at=hours_ago(8, 7, 6, 5)) == MIDNIGHT


def test_a_day_that_begins_at_another_hour_is_kept_as_well() -> None:
    # The bank's day began at eight; four calls were made in it, and one before it.
    told = {"resets_at": NOW - HOUR, "observed_at": NOW - 2 * HOUR}
    calls = [NOW - 50 * dt.timedelta(minutes=1)] * 2
    assert held_back(standing(**told, called_at=calls), NOW) is None
    late = dt.datetime(2026, 3, 15, 23, 30, tzinfo=dt.UTC)
    told = {"resets_at": NOW - HOUR, "observed_at": NOW - 2 * HOUR}
    after_midnight = late + HOUR
    held = held_back(standing(**told, called_at=[late] * 4), after_midnight)
    assert held is not None
    assert held.resumes_at == NOW + DAY - HOUR


@pytest.mark.parametrize(
    ("told", "allowed"), [(None, 4), (0, 4), (-1, 4), (1, 1), (2, 2), (4, 4), (10, 10)]
)
def test_a_bank_may_allow_fewer_or_more_than_four(told: int | None, allowed: int) -> None:
    assert calls_allowed(standing(calls_limit=told)) == allowed


def test_what_nobody_asked_for_is_never_one_of_more_than_four() -> None:
    generous = {"calls_limit": 50, "calls_remaining": 46, "resets_at": MIDNIGHT}
    spent = standing(called_at=hours_ago(8, 6, 3, 1), observed_at=NOW - HOUR, **generous)
    assert held_back(spent, NOW) is None
    held = held_back(spent, NOW, is_planned=True)
    assert held is not None
    assert (held.status, held.resumes_at) == (Status.DEFERRED, MIDNIGHT)


def test_the_last_call_is_left_to_the_user_while_the_data_is_fresh() -> None:
    spent = standing(called_at=hours_ago(8, 6, 3), read_at=NOW - 3 * HOUR)
    held = held_back(spent, NOW, is_planned=True)
    assert held is not None
    assert held.status is Status.COMPLETED
    assert held_back(spent, NOW) is None
    stale = standing(called_at=hours_ago(8, 6, 3), read_at=NOW - 18 * HOUR)
    assert held_back(stale, NOW, is_planned=True) is None
    only = standing(calls_limit=1, read_at=NOW - 10 * HOUR)
    assert held_back(only, NOW, is_planned=True) is None


def test_a_bank_that_fails_rests_twice_as_long_each_time_and_is_given_up() -> None:
    failed = {"failed_at": NOW}
    assert held_back(standing(failures=2, **failed), NOW) is None
    assert resumes(failures=3, **failed) == NOW + DAY
    assert resumes(failures=5, **failed) == NOW + 4 * DAY
    # The account as a whole: its balances failed as well.
    assert resumes(failures=1, account_failures=4, account_failed_at=NOW) == NOW + 2 * DAY
    held = held_back(standing(failures=GIVEN_UP, failed_at=NOW - 400 * DAY), NOW)
    assert held is not None
    assert (held.status, held.resumes_at) == (Status.FAILED, None)


@pytest.mark.parametrize(
    ("known", "status"),
    [
        ({"consent_expires_at": NOW}, Status.FAILED),
        ({"is_suspended": True}, Status.FAILED),
        ({"is_granted": False}, Status.COMPLETED),
        ({"refusal": "account_unknown"}, Status.FAILED),
        ({"refusal": "account_unknown", "resource": "balances"}, Status.COMPLETED),
        # It failed once, and closed it stays.
        ({"refusal": "account_inactive"}, Status.COMPLETED),
        ({"refusal": "access_forbidden", "resource": "balances"}, Status.FAILED),
        ({"refusal": "scope_not_granted"}, Status.FAILED),
        ({"refusal": "scope_not_granted", "resource": "balances"}, Status.COMPLETED),
        ({"refusal": "bank_down", "refused_until": NOW + HOUR}, Status.DEFERRED),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else str(value),
)
def test_what_is_known_to_fail_is_not_asked(known: dict[str, object], status: Status) -> None:
    held = held_back(standing(**known), NOW)
    assert held is not None
    assert held.status is status


instants = st.integers(1, 60 * 57).map(lambda minutes: NOW - dt.timedelta(minutes=minutes))
resets = st.integers(-200_000, 90_000).map(lambda seconds: NOW + dt.timedelta(seconds=seconds))


@given(
    called_at=st.lists(instants, max_size=12).map(sorted),
    remaining=st.none() | st.integers(-1, 10),
    limit=st.none() | st.integers(-1, 10),
    resets_at=st.none() | resets,
)
def test_whatever_is_known_no_day_has_more_than_it_allows_and_the_prediction_holds(
    called_at: list[dt.datetime],
    remaining: int | None,
    limit: int | None,
    resets_at: dt.datetime | None,
) -> None:
    known = standing(
        called_at=called_at,
        calls_remaining=remaining,
        calls_limit=limit,
        resets_at=resets_at,
        observed_at=NOW - HOUR,
    )
    held = held_back(known, NOW)
    today = [at for at in called_at if at >= NOW.replace(hour=0)]
    if held is None:
        assert len(today) < calls_allowed(known)
        return
    assert held.resumes_at is not None
    assert held.resumes_at > NOW
    # Not before it, and then indeed.
    assert held_back(known, held.resumes_at - dt.timedelta(microseconds=1)) is not None
    assert held_back(known, held.resumes_at) is None
