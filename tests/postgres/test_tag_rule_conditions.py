"""Which trees of conditions are taken, what they compile to, and that it says what they say."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from postgres.common.enums import TransactionKind, TransactionStatus
from postgres.common.models import Merchant, MerchantAlias
from postgres.common.rules.conditions import (
    LARGEST_SET,
    LONGEST_TEXT,
    MOST_LEVELS,
    MOST_NODES,
    canonical,
    parse,
)
from postgres.common.rules.evaluate import Pass, Rule, Scope, select_matches
from postgres.errors import ConditionsError
from tests.postgres.ledger import Ledger, make_ledger, make_merchant
from tests.postgres.rules import DAY, add, add_account, says

NETFLIX = {"description": {"contains": "netflix"}}


def nested(levels: int) -> dict[str, Any]:
    tree: dict[str, Any] = NETFLIX
    for _ in range(levels - 1):
        tree = {"not": tree}
    return tree


class TestShape:
    @pytest.mark.parametrize(
        ("given_", "stored"),
        [
            ({}, {"all": []}),
            ({"not": {}}, {"not": {"all": []}}),
            (
                {"amount": {"from": "10.00", "to": Decimal("1E+3"), "currency": "GBP"}},
                {"amount": {"direction": "any", "from": "10", "to": "1000", "currency": "GBP"}},
            ),
            ({"currency": {"in": ["USD", "EUR", "USD"]}}, {"currency": {"in": ["EUR", "USD"]}}),
            ({"date": {"from": DAY}}, {"date": {"from": "2026-03-14"}}),
            (
                {"counterparty_account": {"is": "gb12 nrtg-0000"}},
                {"counterparty_account": {"is": "GB12NRTG0000"}},
            ),
            ({"kind": {"in": ["fee"]}, "not": None}, {"kind": {"in": ["fee"]}}),
        ],
    )
    def test_one_tree_has_one_text(self, given_: dict[str, Any], stored: dict[str, Any]) -> None:
        assert canonical(parse(given_)) == stored
        assert canonical(parse(stored)) == stored

    @pytest.mark.parametrize(
        ("tree", "complaint"),
        [
            ({"all": [NETFLIX, {"merchnt": {"is": "x"}}]}, "conditions.all[1].merchnt: Extra"),
            ({"not": {"any": [{"description": {"has": "x"}}]}}, "not.any[0].description.has: Ext"),
            ({"merchant": {"is": "a"}, **NETFLIX}, "conditions: has exactly one of: all, any, not"),
            ({"description": {}}, "conditions.description: has exactly one of: is, contains"),
            ({"description": {"is": "  "}}, "conditions.description.is: is blank"),
            ({"description": {"is": "a\x00"}}, "conditions.description.is: is blank or has a NUL"),
            ({"merchant": {"is": "a\ud800"}}, "conditions.merchant.is: Input should be"),
            ({"description": {"is": "x" * (LONGEST_TEXT + 1)}}, "conditions.description.is: Str"),
            ({"amount": {}}, "conditions.amount: has a direction"),
            ({"amount": {"direction": "any"}}, "conditions.amount: has a direction"),
            ({"amount": {"from": "1"}}, "conditions.amount: has from or to beside"),
            ({"amount": {"direction": "in", "currency": "GBP"}}, "conditions.amount: has from or"),
            ({"amount": {"from": 1.5, "currency": "GBP"}}, "conditions.amount.from: is not exact"),
            ({"amount": {"from": True, "currency": "GBP"}}, "conditions.amount.from: is not exac"),
            ({"amount": {"from": "-1", "currency": "GBP"}}, "conditions.amount.from: Input shou"),
            ({"amount": {"from": "NaN", "currency": "GBP"}}, "conditions.amount.from: Input sho"),
            ({"amount": {"from": "1e99", "currency": "GBP"}}, "conditions.amount.from: Decimal"),
            (
                {"amount": {"from": "2", "to": "1", "currency": "GBP"}},
                "conditions.amount: ends before it begins",
            ),
            ({"currency": {"in": ["gbp"]}}, "conditions.currency.in[0]: String should match"),
            ({"date": {}}, "conditions.date: has from or to"),
            ({"date": {"from": 20260314}}, "conditions.date.from: is not a day"),
            ({"date": {"from": dt.datetime(2026, 3, 14)}}, "conditions.date.from: is not a day"),  # noqa: DTZ001
            ({"date": {"from": "2026-03-14", "to": "2026-03-13"}}, "conditions.date: ends before"),
            ({"accounts": {"in": ["mine"]}}, "conditions.accounts.in[0]: Input should be a valid"),
            ({"accounts": {"in": [str(uuid.uuid4())] * (LARGEST_SET + 1)}}, "accounts.in: List"),
            ({"kind": {"in": ["gift"]}}, "conditions.kind.in[0]: Input should be"),
            ({"counterparty_account": {"is": "GB12 Ünïcode"}}, "is: is not an account number"),
            ({"description": {"matches": r"(a)\1"}}, "conditions.description.matches: refers back"),
            ({"description": {"matches": r"\\\\\2"}}, "conditions.description.matches: refers ba"),
            ({"description": {"matches": "(?e)a"}}, "conditions.description.matches: begins with"),
            ({"description": {"matches": "***=a"}}, "conditions.description.matches: begins with"),
            ({"all": {}}, "conditions.all: Input should be a valid list"),
            ({"all": None}, "conditions: has exactly one of"),
            ([], "conditions: Input should be a valid dictionary"),
            (nested(MOST_LEVELS + 1), "conditions: is deeper than"),
            (nested(100_000), "conditions: is deeper than"),
            ({"any": [NETFLIX] * MOST_NODES}, "conditions: is deeper than 8 levels or larger"),
        ],
    )
    def test_what_is_no_tree_is_refused_and_the_place_named(
        self, tree: Any, complaint: str
    ) -> None:
        with pytest.raises(ConditionsError) as caught:
            parse(tree)

        assert complaint in str(caught.value)
        assert str(caught.value).startswith(f"{caught.value.place}: ")

    def test_the_bounds_themselves_are_allowed(self) -> None:
        parse(nested(MOST_LEVELS))
        parse({"any": [NETFLIX] * (MOST_NODES - 1)})
        parse({"description": {"matches": r"\\1 (?:a|b) \d{3}"}})


# What the bank, the user and an alias call a merchant.
NAMES = (
    ("netflix", None, None),
    ("cafe nero", "Coffee B_", None),
    ("100% food", None, "netflix inc"),
    ("a_b", "Éa", "bakery"),
    ("é", "Netflix", None),
    None,
)
# Characters on which PostgreSQL and Python agree about case, with two forms of one letter, a
# ligature that normalisation takes apart, and what LIKE would take for wildcards.
LETTERS = ("a", "A", "b", "B", "é", "É", "e\u0301", "ß", "ﬁ", "F", "i", "%", "_", "\\", " ", "'")
WANTED = st.lists(st.sampled_from(LETTERS), min_size=1, max_size=3).map("".join).filter(str.strip)
PATTERNS = st.sampled_from(["^a", "b$", "a.*b", "[ab]{2}", "a|é", r"%\\", r"^\s*$", "(a|b)+_"])
AMOUNTS = ("-20", "-10.00", "-9.99", "0", "5", "10", "20.01")
DAYS = [DAY + dt.timedelta(days=n) for n in range(4)]
CURRENCIES = ("EUR", "GBP", "USD")
NUMBERS = ("GB12NRTG3456", "gb12 nrtg 3456", "DE-99", None)

Node = dict[str, Any]
Nodes = st.SearchStrategy[Node]


def ranges(items: Sequence[Any]) -> Nodes:
    def cut(ends: list[Any], keys: tuple[str, ...]) -> Node:
        return dict(zip(keys, sorted(ends), strict=False))

    ends = st.lists(st.sampled_from(items), min_size=2, max_size=2)
    return st.builds(cut, ends, st.sampled_from([("from", "to"), ("from",), ("to",)]))


def leaves(accounts: list[str]) -> Nodes:
    def among(items: Sequence[str]) -> Nodes:
        return st.fixed_dictionaries({"in": st.lists(st.sampled_from(items), max_size=2)})

    way = st.sampled_from(["is", "contains", "starts_with"])
    name = st.sampled_from(["Netflix", "CAFE NERO", "bakery", "coffee b_", "elsewhere"])
    amount = st.builds(
        lambda limits, direction, currency: {
            **limits, "direction": direction, "currency": currency
        },
        ranges([Decimal(amount.lstrip("-")) for amount in AMOUNTS]),
        st.sampled_from(["in", "out", "any"]),
        st.sampled_from(CURRENCIES),
    )  # fmt: skip
    tests: dict[str, list[Nodes]] = {
        "description": [
            st.dictionaries(way, WANTED, min_size=1, max_size=1),
            st.fixed_dictionaries({"matches": PATTERNS}),
        ],
        "merchant": [
            st.fixed_dictionaries({"is": name}),
            st.fixed_dictionaries({"contains": st.one_of(WANTED, st.just("E"))}),
        ],
        "amount": [st.sampled_from([{"direction": "in"}, {"direction": "out"}]), amount],
        "date": [ranges([day.isoformat() for day in DAYS])],
        "currency": [among(CURRENCIES)],
        "kind": [among(["payment", "fee", "tax"])],
        "accounts": [among(accounts)],
        "counterparty_account": [st.just({"is": "GB12 NRTG-3456"})],
    }
    return st.one_of(
        [st.fixed_dictionaries({key: test}) for key, ways in tests.items() for test in ways]
    )


def trees(accounts: list[str]) -> Nodes:
    return st.recursive(
        st.one_of(leaves(accounts), st.just({})),
        lambda inner: st.one_of(
            st.fixed_dictionaries({"all": st.lists(inner, max_size=3)}),
            st.fixed_dictionaries({"any": st.lists(inner, max_size=3)}),
            st.fixed_dictionaries({"not": inner}),
        ),
        max_leaves=6,
    )


def add_merchant(
    session: Session, ledger: Ledger, name: str, shown: str | None, alias: str | None
) -> Merchant:
    merchant = make_merchant(session, ledger, name)
    merchant.display_name = shown
    if alias:
        owned = {"user_id": ledger.user.id, "merchant_id": merchant.id}
        session.add(MerchantAlias(**owned, name=alias))
    session.flush()
    return merchant


@pytest.mark.slow
def test_the_sql_says_what_the_tree_says(session: Session) -> None:
    ledger = make_ledger(session)
    accounts = [ledger.account.id, add_account(session, ledger).id, uuid.uuid4()]
    merchants = {names: add_merchant(session, ledger, *names).id for names in NAMES if names}
    chance = random.Random(7)  # noqa: S311 - the same rows every time
    rows = {}
    for _ in range(200):
        names = chance.choice(NAMES)
        text = "".join(chance.choices(LETTERS, k=chance.randrange(6)))
        row = add(
            session,
            ledger,
            account_id=chance.choice(accounts[:2]),
            amount=Decimal(chance.choice(AMOUNTS)),
            currency=chance.choice(CURRENCIES),
            description=chance.choice([text, text, text, None]),
            merchant_id=merchants[names] if names else None,
            kind=chance.choice(list(TransactionKind)),
            status=TransactionStatus.PENDING,
            booking_date=chance.choice([*DAYS, None]),
            counterparty_account=chance.choice(NUMBERS),
        )
        rows[row.id] = (row, [name for name in names or () if name])

    @settings(max_examples=100)
    @given(st.lists(trees([str(i) for i in accounts]), min_size=1, max_size=10))
    def agree(chosen: list[Node]) -> None:
        rules = [Rule(uuid.uuid4(), "", parse(tree)) for tree in chosen]
        query = select_matches(Pass(ledger.user.id, rules, Scope()))

        for row_id, *verdicts in session.execute(query):
            for tree, verdict in zip(chosen, verdicts, strict=True):
                assert verdict == says(tree, *rows[row_id]), (tree, rows[row_id][0].description)

    agree()
