"""Keys are tried before they are kept, limits hold for all, and each refusal has one policy."""

from __future__ import annotations

import datetime as dt
import time

import pytest
from pydantic import SecretStr

from farthing import clock
from ingestion import ledger, trading212
from ingestion.connect import ConnectError
from ingestion.pacing import SharedPace
from ingestion.run import Status, Window
from ingestion.taxes import say_of_account
from ingestion.trading212.keys import AddedKey, add_trading212_key
from postgres.common.enums import TaxWrapper
from postgres.common.operations import deferrals
from providers.errors import AccessDenied, AuthenticationFailed, RateLimited
from providers.pacing import Limit
from sandbox import TRADING212_DEMO_KEY, TRADING212_ISA_KEY, TRADING212_NARROW_KEY, faults
from sandbox.trading212_faults import refusal
from tests.broker.conftest import BrokerWorld


def add(
    broker: BrokerWorld,
    key: str,
    *,
    bare: bool = False,
    is_demo: bool = False,
    wrapper: TaxWrapper | None = None,
) -> AddedKey:
    secret = None if bare else SecretStr(broker.sandbox.trading212_secret)
    return add_trading212_key(
        broker.run(), broker.user_id, SecretStr(key), secret, is_demo=is_demo, tax_wrapper=wrapper
    )


def keys(broker: BrokerWorld) -> list[tuple[int, bool]]:
    found = broker.rows("select provider_account_id, is_demo from trading212.api_keys order by 1")
    return [(row[0], row[1]) for row in found]


def test_an_isa_and_a_practice_account_are_connected_beside_the_first(broker: BrokerWorld) -> None:
    """Q20: nothing but the number in the summary tells them apart; Q22: hosts keep keys apart."""
    assert add(broker, TRADING212_ISA_KEY, bare=True, wrapper=TaxWrapper.ISA).without == ()
    with pytest.raises(ConnectError, match=r"of a practice account, not as said.* with --demo"):
        add(broker, TRADING212_DEMO_KEY)
    assert add(broker, TRADING212_DEMO_KEY, is_demo=True).is_demo
    with pytest.raises(ConnectError, match=r"of a real account.* without --demo"):
        add(broker, broker.sandbox.trading212_key, is_demo=True)
    with pytest.raises(AuthenticationFailed):
        add(broker, "nobodys")

    first = 48120377
    assert keys(broker) == [(first, False), (first + 1, False), (first + 2, True)]
    summaries = trading212.pull_account_summary(broker.run())
    assert [one.label for one in summaries.accounts] == [
        "Trading 212 …0377", "Trading 212 …0378", "Trading 212 practice …0379",
    ]  # fmt: skip
    assert summaries.unfinished == ()
    told = broker.rows(
        "select k.provider_account_id, (s.payload ->> 'id')::bigint"
        " from trading212.account_summaries as s"
        " join trading212.api_keys as k on k.id = s.api_key_id"
    )
    assert len(told) == 3
    assert all(ours == theirs for ours, theirs in told)
    practice = [r for r in broker.sandbox.requests() if r["path"].startswith("/demo/")]
    assert practice
    # A limit is that of an account, whichever keys it has.
    holders = broker.rows(
        "select distinct split_part(name, '/', 1) from auth.provider_limits"
        " where provider = 'trading212' order by 1"
    )
    assert [row[0] for row in holders] == [str(first), str(first + 1), str(first + 2)]

    named = broker.rows(
        "select name, tax_wrapper, is_counted from common.accounts order by account_number"
    )
    assert [tuple(row) for row in named] == [
        ("Trading 212", None, True),
        ("Trading 212", "isa", True),
        ("Trading 212 practice", None, False),
    ]
    _only_what_is_taxed_is_pooled(broker)


def _only_what_is_taxed_is_pooled(broker: BrokerWorld) -> None:
    """The three accounts lived one life: what each sold is told apart by the account alone."""
    trading212.pull_orders(broker.run(), Window(clock.today(), clock.today()))
    ledger.project_trades(broker.run())
    query = (
        "select a.account_number, d.method, count(*) from common.disposals as d"
        " join common.trades as t on t.id = d.trade_id"
        " join common.accounts as a on a.id = t.account_id group by 1, 2"
    )

    def sold() -> set[tuple[int, str]]:
        return {(int(number) - 48120377, method) for number, method, _ in broker.rows(query)}

    assert sold() == {(0, "fifo"), (1, "fifo"), (2, "fifo"), (0, "section_104")}
    isa = broker.one("select id from common.accounts where tax_wrapper = 'isa'")
    # Who forgot to say it, or said it wrongly, says it later; a sync leaves it so.
    say_of_account(broker.run(), broker.user_id, isa, is_isa=False)
    ledger.project_accounts(broker.run())
    ledger.project_trades(broker.run())
    assert (1, "section_104") in sold()
    say_of_account(broker.run(), broker.user_id, isa, is_isa=True)
    assert (1, "section_104") not in sold()


def test_missing_permissions_are_named_and_some_can_be_done_without(broker: BrokerWorld) -> None:
    with pytest.raises(AccessDenied) as refused:
        add(broker, TRADING212_NARROW_KEY)
    assert str(refused.value) == (
        "the API key lacks the permissions portfolio, metadata, history:orders,"
        " history:dividends, history:transactions; make one that has them"
    )
    assert len(keys(broker)) == 1
    for scope, path in (("pies:read", "/pies"), ("orders:read", "/equity/orders$")):
        lacks = f"Scope({scope}) missing for API key"
        broker.sandbox.inject(faults.Fault(path=path, status=403, text=lacks, times=2))
    assert add(broker, TRADING212_ISA_KEY).without == ("orders:read", "pies:read")
    broker.execute("delete from trading212.api_keys where provider_account_id <> 48120378")
    (left_out,) = trading212.pull_pies(broker.run()).accounts
    assert left_out.status is Status.COMPLETED
    assert "lacks the permission pies:read" in str(left_out.reason)


POLICIES = {
    "400-problem": (Status.FAILED, "limit must be at most 50"),
    "400-clarification": (Status.FAILED, "Invalid cursor"),
    "400-message": (Status.FAILED, "time is missing"),
    "400-internal": (Status.DEFERRED, "internal error"),
    "401-empty": (Status.FAILED, "not accepted"),
    "401-text": (Status.FAILED, "not accepted"),
    "403-scope-text": (Status.FAILED, "lacks the permission history:orders"),
    "403-scope-problem": (Status.FAILED, "lacks the permission history:orders"),
    "403-demo": (Status.COMPLETED, "not available in a practice account"),
    "403-empty": (Status.FAILED, "not available to the API key"),
    "404-problem": (Status.FAILED, "nothing was found"),
    "404-empty": (Status.FAILED, "nothing was found"),
    "429-opaque": (Status.DEFERRED, "too many requests"),
    "500-internal": (Status.DEFERRED, "internal error"),
    "500-text": (Status.DEFERRED, "the service has an error"),
}


def test_each_refusal_leads_to_what_its_policy_says(broker: BrokerWorld) -> None:
    for name, (status, words) in POLICIES.items():
        broker.forget()
        # What was there in 2024 is gone as well.
        broker.sandbox.inject(refusal(name, "/equity/positions"))
        broker.sandbox.inject(refusal("404-empty", "/equity/portfolio"))
        (outcome,) = trading212.pull_positions(broker.run()).accounts
        assert outcome.status is status, name
        assert words in str(outcome.reason), name
        assert (outcome.resumes_at is not None) is (status is Status.DEFERRED), name
        broken = broker.one("select status = 'error' from common.connections")
        assert broken is name.startswith("401"), name
        broker.sandbox.clear_faults()
        trading212.pull_account_summary(broker.run())
        assert broker.one("select status from common.connections") == "active"


def test_a_limit_defers_an_account_and_the_next_run_goes_on(broker: BrokerWorld) -> None:
    path, now = "/history/transactions", int(time.time())
    plain = [faults.Fault(path=path)] * 2
    broker.sandbox.inject(*plain, faults.trading212_rate_limit(path, now + 3600, 6, 60))
    outcome = broker.pull("cash_transactions")
    assert outcome.status is Status.DEFERRED
    assert outcome.resumes_at is not None
    with broker.sessions() as session:
        (waiting,) = deferrals.list_deferrals(session, broker.user_id).items
    assert waiting.step == "trading212.cash_transactions"
    seconds = (waiting.resumes_at - broker.sandbox.now()).total_seconds()
    assert 3500 < seconds < 3700  # by the ledger's clock, which stands still here
    assert broker.one("select count(*) from trading212.cash_transactions") == 100

    # Nobody asks again before: the limit is closed for every process.
    broker.sandbox.clear_requests()
    assert broker.pull("cash_transactions").status is Status.DEFERRED
    assert broker.sandbox.requests() == []
    broker.execute("update auth.provider_limits set closed_until = now()")
    assert broker.pull("cash_transactions").status is Status.COMPLETED
    assert broker.landed_keys("cash_transactions") == broker.true_keys("cash_transactions")


def test_limits_are_learned_from_headers_and_shared(broker: BrokerWorld) -> None:
    """No limit is written down in the code; the first answer tells it, and all keep it."""
    paces = [
        SharedPace(
            broker.sessions, provider="trading212", label="Trading 212", holder="1",
            patience=dt.timedelta(),
        )
        for _ in range(2)
    ]  # fmt: skip
    limit = Limit("equity/history/orders")
    paces[0].take(limit)
    paces[0].told(limit, 6, 5, 60.0, period=dt.timedelta(minutes=1))
    paces[0].keep()
    for number in range(5):
        paces[number % 2].take(limit)
    for pace in paces:
        with pytest.raises(RateLimited):
            pace.take(limit)
    stored = broker.one(
        "select calls_limit || ' in ' || period from auth.provider_limits"
        " where name = '1/equity/history/orders'"
    )
    assert stored == "6 in 00:01:00"
