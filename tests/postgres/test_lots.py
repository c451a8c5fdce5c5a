"""Which shares were sold and what they cost: HMRC's own examples, and what brokers do to shares."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Hashable, Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postgres.common.enums import MatchRule, TradeKind
from postgres.common.lots.average import follow
from postgres.common.lots.fifo import match_fifo
from postgres.common.lots.history import Fill, Reorganisation, steps
from postgres.common.lots.matches import Match
from postgres.common.lots.renames import Traded, find_renames
from postgres.common.lots.section104 import match_section_104

FIRST = dt.date(2020, 1, 6)


def fill(
    day: str,
    quantity: str,
    money: str = "0",
    *,
    kind: TradeKind = TradeKind.TRADE,
    of: str = "A",
    fees: str = "0",
    hour: int = 12,
) -> Fill:
    """A fill; what is paid or received is given without a sign."""
    amount = abs(Decimal(money)) * (-1 if Decimal(quantity) > 0 else 1)
    at = dt.datetime.fromisoformat(f"{day}T{hour:02}:00:00+00:00")
    return Fill(
        uuid.uuid5(uuid.NAMESPACE_OID, f"{day}{quantity}{money}{kind}{of}{hour}"),
        of,
        at,
        at.date(),
        Decimal(quantity),
        amount,
        -Decimal(fees),
        kind,
    )


def split(day: str, before: str, after: str, *, of: str = "A") -> list[Fill]:
    """Both sides of a split, at one instant."""
    return [
        fill(day, f"-{before}", kind=TradeKind.SPLIT, of=of, hour=6),
        fill(day, after, kind=TradeKind.SPLIT, of=of, hour=6),
    ]


def told(matches: list[Match]) -> list[tuple[str, str, str, str | None]]:
    """Rule, shares, gain and day of the purchase of each match."""
    return [
        (
            match.rule.value,
            f"{match.quantity.normalize():f}",
            "unknown" if match.gain is None else f"{match.gain.quantize(Decimal('0.01'))}",
            match.acquired_on.isoformat() if match.acquired_on else None,
        )
        for match in matches
    ]


HMRC = {
    # Capital Gains Manual, CG51560: where the thirty days end. Money is ours, the manual has none.
    "CG51560, example 1": (
        [
            fill("2011-01-01", "1000", "1000"),
            fill("2011-07-01", "-1000", "1500"),
            fill("2011-07-31", "1000", "1400"),
        ],
        [("thirty_days", "1000", "100.00", "2011-07-31")],
    ),
    "CG51560, example 2": (
        [
            fill("2012-01-01", "2500", "2500"),
            fill("2012-03-27", "-1700", "3400"),
            fill("2012-03-30", "500", "900"),
        ],
        [("thirty_days", "500", "100.00", "2012-03-30"), ("pool", "1200", "1200.00", None)],
    ),
    "CG51560, example 3": (
        [
            fill("2009-01-01", "10000", "10000"),
            fill("2009-02-28", "-2000", "3000"),
            fill("2009-03-31", "3000", "4800"),
        ],
        [("pool", "2000", "1000.00", None)],
    ),
    "CG51590, example 1": (
        [
            fill("2006-04-15", "1000", "1300"),
            fill("2006-08-04", "1000", "1450"),
            fill("2007-01-19", "500", "950"),
            fill("2010-03-16", "-2000", "6850"),
            fill("2010-04-07", "2000", "6790"),
            fill("2010-12-10", "-2200", "7700"),
        ],
        [("thirty_days", "2000", "60.00", "2010-04-07"), ("pool", "2200", "4444.00", None)],
    ),
    # Rights that were taken up join the pool, though it is within thirty days of a sale; the pool
    # is the manual's, 24,000 shares that cost 6,160, of which 7,500 take 1,925.
    "CG51590, example 2": (
        [
            fill("2008-05-01", "16000", "4160"),
            fill("2009-02-01", "8000", "2000", kind=TradeKind.RIGHTS),
            fill("2009-02-10", "-7500", "5000"),
        ],
        [("pool", "7500", "3075.00", None)],
    ),
    "HS284, example 2": (
        [
            fill("2020-01-01", "9500", "9500"),
            fill("2025-08-30", "-4000", "6000"),
            fill("2025-09-11", "500", "850"),
        ],
        [("thirty_days", "500", "-100.00", "2025-09-11"), ("pool", "3500", "1750.00", None)],
    ),
}


@pytest.mark.parametrize("example", HMRC)
def test_hmrcs_examples_come_out_as_they_say(example: str) -> None:
    fills, expected = HMRC[example]
    assert told(match_section_104(steps(fills))) == expected


def test_a_sales_own_day_comes_before_another_ones_thirty_days() -> None:
    fills = [
        fill("2024-01-02", "200", "200"),
        fill("2024-03-01", "-200", "400", hour=9),
        fill("2024-03-01", "100", "250"),
        fill("2024-03-04", "100", "150"),
        fill("2024-03-04", "-100", "220", hour=15),
        fill("2024-03-06", "100", "170"),
    ]
    assert told(match_section_104(steps(fills))) == [
        ("same_day", "100", "-50.00", "2024-03-01"),
        ("thirty_days", "100", "30.00", "2024-03-06"),
        ("same_day", "100", "70.00", "2024-03-04"),
    ]


def test_fees_of_buying_and_selling_lessen_the_gain() -> None:
    fills = [
        fill("2024-01-02", "10", "100", fees="1"),
        fill("2024-06-03", "-5", "80", fees="0.50"),
    ]
    for match in (*match_section_104(steps(fills)), *match_fifo(steps(fills))):
        assert match.proceeds == 80
        assert (match.fees, match.cost) == (Decimal("-0.50"), Decimal("-50.5"))
        assert match.gain == 29


def test_a_split_changes_neither_cost_nor_days() -> None:
    fills = [
        fill("2024-01-02", "10", "100"),
        fill("2024-02-02", "10", "300"),
        fill("2024-05-01", "-5", "250"),
        *split("2024-05-10", "15", "150"),
        # Within thirty days: ten of today's shares are one of those that were sold.
        fill("2024-05-20", "20", "90"),
        fill("2024-07-01", "-50", "500"),
    ]
    history = steps(fills)
    assert told(match_section_104(history)) == [
        ("thirty_days", "2", "10.00", "2024-05-20"),
        ("pool", "3", "90.00", None),
        ("pool", "50", "400.00", None),
    ]
    assert told(match_fifo(history)) == [
        ("fifo", "5", "200.00", "2024-01-02"),
        ("fifo", "50", "450.00", "2024-01-02"),
    ]
    after = [follow(history)[each.id] for each in fills]
    assert [each.quantity for each in after] == [10, 20, 15, 150, 150, 170, 120]
    assert [each.cost for each in after][:5] == [100, 400, 300, 300, 300]


def test_bonus_shares_cost_nothing_and_an_exchange_takes_the_cost_along() -> None:
    fills = [
        fill("2024-01-02", "10", "100"),
        fill("2024-02-01", "2", kind=TradeKind.DISTRIBUTION),
        fill("2024-03-01", "-12", kind=TradeKind.EXCHANGE),
        fill("2024-03-01", "6", kind=TradeKind.EXCHANGE, of="B"),
        fill("2024-04-02", "-3", "90", of="B"),
    ]
    history = steps(fills)
    assert sum(isinstance(step, Reorganisation) for step in history) == 2
    last = follow(history)[fills[-1].id]
    assert last.security == "B"
    assert [last.quantity, last.cost, last.profit] == [3, 50, 40]
    assert told(match_fifo(history)) == [("fifo", "3", "40.00", "2024-01-02")]
    assert told(match_section_104(history)) == [("pool", "3", "40.00", None)]


def test_shares_that_were_never_bought_have_no_cost_and_no_gain() -> None:
    history = steps([fill("2024-01-02", "1", "10"), fill("2024-02-02", "-3", "60")])
    assert told(match_fifo(history)) == [
        ("fifo", "1", "10.00", "2024-01-02"),
        ("unknown", "2", "unknown", None),
    ]
    assert [each.profit for each in follow(history).values()] == [None, None]


def test_a_security_is_known_under_its_new_name() -> None:
    fills = [fill("2024-01-02", "10", "100", of="OLD"), fill("2024-06-03", "-4", "60", of="NEW")]
    history = steps(fills, {"OLD": "NEW"})
    assert follow(history)[fills[1].id].profit == 20
    assert told(match_fifo(history)) == [("fifo", "4", "20.00", "2024-01-02")]


def renames(securities: Mapping[str, Traded]) -> dict[Hashable, Hashable]:
    return find_renames(dict(securities.items()))


def traded(surplus: str, first: int, last: int, isin: str | None = None) -> Traded:
    days = [dt.datetime(2024, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=n) for n in (first, last)]
    return Traded(Decimal(surplus), days[0], days[1], isin)


def test_a_rename_is_what_one_has_too_many_and_another_lacks() -> None:
    fine = traded("0", 1, 9)
    assert renames({"A": traded("10", 1, 2), "B": traded("-10", 3, 4), "C": fine}) == {"A": "B"}
    # Not the same number, or the other way round in time.
    assert renames({"A": traded("10", 1, 2), "B": traded("-9", 3, 4)}) == {}
    assert renames({"A": traded("10", 5, 6), "B": traded("-10", 3, 4)}) == {}
    # Renamed twice, and bought under each name.
    thrice = {"A": traded("1.5", 1, 2), "B": traded("2.5", 3, 4), "C": traded("-4", 5, 6)}
    assert renames(thrice) == {"A": "C", "B": "C"}
    # Bought under the first name, sold in part under the second, and held under the third.
    thrice = {"A": traded("5", 1, 2), "B": traded("-2", 3, 4), "C": traded("-3", 5, 6)}
    assert renames(thrice) == {"A": "C", "B": "C"}
    # Nobody sells what is not there yet.
    assert renames({"A": traded("-2", 1, 2), "B": traded("2", 3, 4)}) == {}
    # Two that fit: the ISIN decides, or nothing does.
    rivals = {"A": traded("10", 1, 2, "X"), "B": traded("-10", 3, 4), "C": traded("-10", 3, 4, "X")}
    assert renames(rivals) == {"A": "C"}
    assert renames(rivals | {"A": traded("10", 1, 2)}) == {}
    two_of_one = {"A": traded("1", 1, 2), "B": traded("1", 1, 2), "C": traded("-1", 3, 4)}
    assert renames(two_of_one) == {}


moves = st.lists(
    st.tuples(
        st.integers(0, 90),
        st.integers(-8, 8).filter(bool),
        st.integers(1, 10_000),
        st.booleans(),
    ),
    max_size=25,
)


@given(moves)
def test_nothing_is_lost_or_made_by_matching(drawn: list[tuple[int, int, int, bool]]) -> None:
    """Every share that was sold is matched once, and costs stay what was paid."""
    held, fills = Decimal(0), []
    for place, (day, quantity, pence, splits) in enumerate(sorted(drawn)):
        number = max(Decimal(quantity), -held)
        if not number:
            continue
        on = (FIRST + dt.timedelta(days=day)).isoformat()
        if splits and held:
            fills += split(on, str(held), str(held * 3), of="A") if place % 5 == 0 else []
            held = held * 3 if place % 5 == 0 else held
        one = fill(on, str(number), f"{pence / 100:.2f}", hour=12, fees="0.10")
        fills.append(Fill(uuid.uuid4(), "A", one.at + dt.timedelta(seconds=place), one.day,
                          one.quantity, one.amount, one.fees))  # fmt: skip
        held += number
    history = steps(fills)
    sold = {each.id: each for each in fills if each.quantity < 0 and each.kind is TradeKind.TRADE}
    paid = -sum((each.amount + each.fees for each in fills if each.quantity > 0), Decimal(0))
    for matches in (match_fifo(history), match_section_104(history)):
        for one in sold.values():
            mine = [match for match in matches if match.sale == one.id]
            assert sum(match.quantity for match in mine) == -one.quantity
            assert sum(match.proceeds or 0 for match in mine) == one.amount
            assert sum(match.fees or 0 for match in mine) == one.fees
        assert MatchRule.UNKNOWN not in {match.rule for match in matches} or held < 0
        costs = -sum((match.cost or 0 for match in matches), Decimal(0))
        assert 0 <= costs <= paid
        if not held:
            assert costs == paid
