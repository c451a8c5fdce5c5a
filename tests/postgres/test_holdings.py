"""What is held, of which instruments, at which institutions."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from postgres.common.enums import AccountType, Provider
from postgres.common.models import Account, Institution, Instrument
from postgres.common.operations import holdings, institutions, instruments
from postgres.paging import Page
from tests.postgres.ledger import Ledger, make_ledger
from tests.postgres.worth import day, hold, make_account, make_instrument


def walk(fetch: Callable[[str | None], Page[Any]]) -> list[Any]:
    items: list[Any] = []
    after = None
    while True:
        page = fetch(after)
        items += page.items
        after = page.after
        if after is None:
            return items


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


@pytest.fixture
def account(session: Session, ledger: Ledger) -> Account:
    return make_account(session, ledger, account_type=AccountType.INVESTMENT, opening="0")


class TestHoldings:
    @pytest.fixture
    def shares(self, session: Session, account: Account) -> list[Instrument]:
        """Three days of two instruments; the second one is sold on the last."""
        first, second = make_instrument(session), make_instrument(session)
        for number, one, other in ((3, "10", "100"), (4, "11", None), (6, "12", "0")):
            hold(session, account, day(number), one, instrument=first)
            quantity = "0" if other == "0" else "5"
            hold(session, account, day(number), other, instrument=second, quantity=quantity)
        theirs = make_ledger(session)
        hold(session, theirs.account, day(9), "77", instrument=first)
        return [first, second]

    def test_come_in_pages_the_newest_day_first_and_filtered(
        self, session: Session, ledger: Ledger, account: Account, shares: list[Instrument]
    ) -> None:
        def values(**filters: Any) -> list[Decimal | None]:
            rows = walk(
                lambda after: holdings.list_holdings(
                    session, ledger.user.id, after=after, limit=2, **filters
                )
            )
            return [row.value for row in rows]

        every = values()
        assert len(every) == 6
        assert {*every[:2]} == {12, 0}
        assert {*every[2:4]} == {11, None}
        assert values(instrument_id=shares[0].id) == [12, 11, 10]
        assert values(instrument_id=shares[1].id, since=day(4)) == [0, None]
        assert sorted(values(until=day(3))) == [10, 100]  # type: ignore[type-var]
        assert values(account_id=ledger.account.id) == []
        assert len(values(account_id=account.id)) == 6

    @pytest.mark.usefixtures("shares")
    def test_positions_are_those_of_the_last_day_seen(
        self, session: Session, ledger: Ledger
    ) -> None:
        other = make_account(session, ledger, account_type=AccountType.TRADING)
        hold(session, other, day(2), "9")

        def values(**filters: Any) -> list[Decimal | None]:
            rows = holdings.list_positions(session, ledger.user.id, **filters)
            return [row.value for row in rows]

        assert sorted(values()) == [9, 12]  # type: ignore[type-var]
        assert values(account_id=other.id) == [9]
        assert values(on=day(2)) == [9]
        assert sorted(values(on=day(3))) == [9, 10, 100]  # type: ignore[type-var]
        # The 5th was not seen; on the 4th one had no value.
        assert {*values(on=day(5))} == {9, 11, None}
        assert values(on=day(1)) == []

    @pytest.mark.usefixtures("shares")
    def test_totals_of_an_account_on_a_day(
        self, session: Session, ledger: Ledger, account: Account
    ) -> None:
        def total(**filters: Any) -> list[tuple[Any, ...]]:
            return [
                (t.account.id, t.as_of.day, t.positions, t.value, t.unvalued)
                for t in holdings.list_holding_totals(session, ledger.user.id, **filters)
            ]

        assert total() == [(account.id, 6, 1, 12, 0)]
        assert total(on=day(5)) == [(account.id, 4, 2, 11, 1)]
        assert total(on=day(3)) == [(account.id, 3, 2, 110, 0)]
        assert total(on=day(2)) == []


class TestInstruments:
    def test_are_found_by_what_they_are_called(self, session: Session) -> None:
        for name, ticker, isin, currency in (
            ("Tesla", "TSLA_US_EQ", "US88160R1014", "USD"),
            ("Tesco", "TSCO_EQ", "GB00BLGZ9862", "GBP"),
            ("100% Certain", "SURE", None, None),
        ):
            session.add(
                Instrument(
                    provider=Provider.TRADING212,
                    provider_instrument_id=ticker,
                    name=name,
                    isin=isin,
                    currency=currency,
                )
            )
        session.flush()

        def names(**filters: Any) -> list[str]:
            rows = walk(
                lambda after: instruments.list_instruments(session, after=after, limit=1, **filters)
            )
            return [row.name for row in rows]

        assert names() == names(provider=Provider.TRADING212) == ["100% Certain", "Tesco", "Tesla"]
        assert names(provider=Provider.GOCARDLESS) == []
        assert names(text="tes") == ["Tesco", "Tesla"]
        assert names(text="_us_") == ["Tesla"]
        assert names(text="%") == ["100% Certain"]
        assert names(currency="GBP") == names(isin="GB00BLGZ9862") == ["Tesco"]

    def test_one_by_id(self, session: Session) -> None:
        row = make_instrument(session)

        assert instruments.get_instrument(session, row.id) is row
        assert instruments.get_instrument(session, uuid.uuid4()) is None


class TestInstitutions:
    def test_are_found_by_name_country_and_provider(self, session: Session) -> None:
        for provider, name, bic, countries in (
            (Provider.GOCARDLESS, "Northgate", "NRGTGB21", ["GB", "IE"]),
            (Provider.GOCARDLESS, "Südbank", None, ["DE"]),
            (Provider.TRADING212, "Trading 212", None, []),
        ):
            session.add(
                Institution(
                    provider=provider,
                    provider_institution_id=name,
                    name=name,
                    bic=bic,
                    countries=countries,
                )
            )
        session.flush()

        def names(**filters: Any) -> list[str]:
            rows = walk(
                lambda after: institutions.list_institutions(
                    session, after=after, limit=1, **filters
                )
            )
            return [row.name for row in rows]

        assert names() == ["Northgate", "Not connected", "Südbank", "Trading 212"]
        assert names(country="IE") == names(text="nrgtgb") == ["Northgate"]
        assert names(text="BANK") == ["Südbank"]
        assert names(provider=Provider.TRADING212) == ["Trading 212"]
        assert names(country="FR") == []

    def test_one_by_id(self, session: Session, ledger: Ledger) -> None:
        found = institutions.get_institution(session, ledger.institution.id)

        assert found is ledger.institution
        assert institutions.get_institution(session, uuid.uuid4()) is None
