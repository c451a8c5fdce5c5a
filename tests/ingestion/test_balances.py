"""A balance that says nothing is set aside with its reason, until the bank says it again."""

from __future__ import annotations

import datetime as dt
import sys
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from benchmarks.payloads import Breaker, write
from ingestion import ledger
from ingestion.gocardless import pull_balances
from ingestion.run import AccountOutcome
from postgres.auth.models import ProviderLimit
from postgres.common.models import BalanceSnapshot
from postgres.common.operations import quarantine
from postgres.gocardless.models import BankAccount
from providers.http import Reply
from tests.ingestion.bank import TODAY, make_bank
from tests.ingestion.worlds import Household

SEED, BROKEN = 11, 300


def balance(amount: Any = "10.00", kind: Any = "interimAvailable", **fields: Any) -> dict[str, Any]:
    money = {"amount": amount, "currency": "GBP", **fields}
    return {"balanceAmount": money, "balanceType": kind}


class Teller:
    """Gives an account's balances, and reads them as a sync does."""

    def __init__(self, household: Household, monkeypatch: pytest.MonkeyPatch) -> None:
        self.household, self.bank = household, make_bank(household.sessions)
        self._monkeypatch = monkeypatch
        self._day = TODAY
        with household.sessions() as session:
            raw = session.get_one(BankAccount, self.bank.account.bank_account_id)
        self.key = str(raw.provider_account_id)

    def tell(self, *entries: Any) -> AccountOutcome:
        self._day += dt.timedelta(days=1)
        self._monkeypatch.setenv("FARTHING_NOW", f"{self._day}T09:00:00Z")
        with self.household.sessions.begin() as session:
            session.execute(sa.delete(ProviderLimit))
        self.household.server.tellers[self.key] = lambda *_: {"balances": list(entries)}
        (pulled,) = (a for a in pull_balances(self.household.run).accounts if a.key == self.key)
        step = ledger.project_balance_snapshots(self.household.run)
        assert not step.unfinished
        return pulled

    def reasons(self) -> list[str]:
        with self.household.sessions() as session:
            aside = quarantine.list_quarantine(session, self.bank.account.user_id, limit=500)
            return sorted(row.reason for row in aside.items)

    def amounts(self) -> list[str]:
        with self.household.sessions() as session:
            found = session.scalars(
                sa.select(BalanceSnapshot.amount)
                .where(BalanceSnapshot.account_id == self.bank.account.account_id)
                .order_by(BalanceSnapshot.observed_at, BalanceSnapshot.amount)
            )
            return [str(amount) for amount in found]


@pytest.fixture
def teller(household: Household, monkeypatch: pytest.MonkeyPatch) -> Teller:
    return Teller(household, monkeypatch)


def test_what_says_nothing_is_set_aside_and_its_siblings_stand(teller: Teller) -> None:
    pulled = teller.tell(
        balance("12.50", "closingBooked"),
        balance(None),
        balance(kind=None),
        balance(currency="pounds", kind="expected"),
        "no balance",
    )

    assert (pulled.received, pulled.quarantined, pulled.superseded) == (5, 4, 0)
    assert teller.amounts() == ["12.50"]
    assert teller.reasons() == [
        "balanceAmount.amount is missing or not a number",
        "balanceAmount.amount is missing or not a number",
        "balanceAmount.currency is not a three-letter code",
        "balanceType is missing",
    ]


def test_what_the_bank_mends_waits_no_longer(teller: Teller) -> None:
    teller.tell(balance("ten"))
    assert len(teller.reasons()) == 1

    teller.tell(balance("10.00"))

    assert teller.reasons() == []
    assert teller.amounts() == ["10.00"]


def test_whatever_a_bank_sends_each_balance_is_somewhere(teller: Teller) -> None:
    sys.stdout.write(f"seed {SEED}\n")
    breaker = Breaker(SEED)
    for _ in range(BROKEN // 100):
        entries = [breaker.break_row(balance(f"{n}.07", f"kind {n}")) for n in range(100)]
        body = write({"balances": entries})
        told = Reply(200, httpx.Headers(), body.encode(), dt.datetime.now(dt.UTC)).json()

        pulled = teller.tell(*told["balances"])

        accepted = pulled.counts.inserted + pulled.counts.unchanged - pulled.quarantined
        assert accepted > 0
        assert pulled.quarantined > 0
        assert accepted + pulled.quarantined + pulled.superseded == pulled.received == 100
