"""The promise on banks that do what banks do: no payment is lost, and none is there twice."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import pytest

from postgres.identity.history import Resolution, resolve
from postgres.identity.threads import Answer, Delivered, Span
from postgres.identity.versions import Version
from tests.postgres.bank_world import BANKS, FEED, START, BankWorld, Habits

ALL = Answer(START - dt.timedelta(days=90))
END = START + dt.timedelta(days=60)
Names = dict[uuid.UUID, uuid.UUID | None]


def names(rows: Iterable[Delivered], resolution: Resolution) -> Names:
    found: Names = {}
    for row in rows:
        verdict = resolution.verdicts.get(row.version.row_id)
        found[row.version.row_id] = verdict.name if verdict else row.name
    return found


def live(world: BankWorld, decided: Names) -> Counter[tuple[Decimal, dt.date | None]]:
    """What the ledger holds: of each transaction its last version."""
    last: dict[uuid.UUID, tuple[bool, int, Delivered]] = {}
    for row in world.rows():
        name = decided[row.version.row_id]
        if row.is_pending or name is None:
            continue
        rank = (row.spans[-1].last is None, row.spans[-1].first)
        if name not in last or rank > last[name][:2]:
            last[name] = (*rank, row)
    return Counter((row.version.amount, row.version.booking_date) for *_, row in last.values())


def truth(world: BankWorld) -> Counter[tuple[Decimal, dt.date | None]]:
    return Counter((p.amount, p.row(world.habits)[1]) for p in world.booked(dt.date.max))


def live_through(seed: int, habits: Habits) -> tuple[BankWorld, Names]:
    """Pull at random times over random windows, and decide at random times."""
    world = BankWorld(seed, habits)
    chance = random.Random(seed + 1)  # noqa: S311
    decided: Names = {}
    through = 0

    def decide() -> int:
        rows = [replace(row, name=decided.get(row.version.row_id)) for row in world.rows()]
        decided.update(names(rows, resolve(rows, world.answers, since={FEED: through})))
        return len(world.answers)

    today = START
    while today <= END:
        is_whole = not world.answers or chance.random() < 0.15
        world.pull(today, ALL if is_whole else Answer(today - dt.timedelta(days=14)))
        if chance.random() < 0.7:
            through = decide()
        today += dt.timedelta(days=chance.choice((0, 1, 1, 1, 2, 5)))
    world.pull(END + dt.timedelta(days=5), ALL)
    decide()
    return world, decided


@pytest.mark.parametrize("bank", BANKS)
def test_the_ledger_is_the_truth_whenever_and_however_often_it_was_decided(bank: str) -> None:
    for seed in range(15):
        world, decided = live_through(seed, BANKS[bank])
        anew = names(world.rows(), resolve(world.rows(), world.answers))

        assert live(world, decided) == truth(world), f"seed {seed}"
        assert decided == anew, f"seed {seed}"


def test_a_payment_keeps_its_name_from_pending_to_booked() -> None:
    settled = 0
    for seed in range(15):
        world, decided = live_through(seed, BANKS["shows pending"])
        for row in world.rows():
            if row.is_pending:
                continue
            mine = world.truth_of[row.version.row_id]
            for other in world.rows():
                is_same = decided[other.version.row_id] == decided[row.version.row_id]
                if other.is_pending and is_same:
                    settled += 1
                    theirs = world.truth_of[other.version.row_id]
                    # Which of two payments that look the same it was, no bank tells.
                    looks = {(p.amount, p.merchant) for p in world.payments if p.number in mine}
                    assert looks == {
                        (p.amount, p.merchant) for p in world.payments if p.number in theirs
                    }, f"seed {seed}"
    assert settled > 100


def delivered(number: int, *spans: Span, feed: uuid.UUID = FEED, **values: object) -> Delivered:
    version = Version(
        uuid.UUID(int=number),
        Decimal(str(values.get("amount", "-12.00"))),
        "GBP",
        booking_date=START,
        text=str(values.get("text", "tesco")),
        trusted_id=str(values["id"]) if "id" in values else None,
    )
    return Delivered(version, is_pending=False, feed=feed, spans=spans, seen_on=START)


def test_another_connection_to_the_account_shows_the_same_transactions() -> None:
    other = uuid.UUID(int=99)
    rows = [
        delivered(1, Span(1), id="a"),
        delivered(2, Span(1), id="b"),
        delivered(3, Span(2), id="c", feed=other),
        delivered(4, Span(2), id="d", feed=other),
        delivered(5, Span(2), id="e", feed=other),
    ]

    found = names(rows, resolve(rows, {1: ALL, 2: ALL}))

    assert len(set(found.values())) == 3
    assert found[uuid.UUID(int=1)] in {found[uuid.UUID(int=n)] for n in (3, 4, 5)}


def test_rows_that_were_taken_for_one_are_two_once_both_are_shown() -> None:
    late = Answer(START + dt.timedelta(days=1))
    moved = replace(
        delivered(2, Span(2)),
        version=replace(delivered(2).version, booking_date=START + dt.timedelta(days=1)),
    )
    before = delivered(1, Span(1))
    third = delivered(3, Span(3), amount="-1.00")

    taken = names([before, moved], resolve([before, moved], {1: ALL, 2: late}))
    both = [before, moved, third]
    parted = names(both, resolve(both, {1: ALL, 2: late, 3: ALL}))

    assert len(set(taken.values())) == 1
    assert len(set(parted.values())) == 3
    assert parted[before.version.row_id] == before.version.row_id


def test_a_row_that_comes_back_is_what_it_was() -> None:
    rows = [
        delivered(1, Span(1, 2), Span(3), id="a"),
        delivered(2, Span(2, 3), id="b", text="tesco stores"),
    ]

    found = names(rows, resolve(rows, {1: ALL, 2: ALL, 3: ALL}))

    assert set(found.values()) == {uuid.UUID(int=1)}


def test_a_conflict_is_no_transaction_and_moves_none() -> None:
    rows = [delivered(1, Span(1), id="a"), delivered(2, Span(2), id="a", amount="-99.00")]

    resolution = resolve(rows, {1: ALL, 2: ALL})

    assert resolution.verdicts[uuid.UUID(int=1)].name == uuid.UUID(int=1)
    assert resolution.verdicts[uuid.UUID(int=2)].name is None
    assert resolution.verdicts[uuid.UUID(int=2)].conflict
