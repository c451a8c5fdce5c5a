"""From a tree of conditions to one SQL expression over the facts of a transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from postgres.common.models import Merchant, MerchantAlias, Transaction
from postgres.common.rules import conditions
from postgres.common.rules.conditions import Condition

Predicate = sa.ColumnElement[bool]

# Neither true nor false, whatever it is combined with: see the module of conditions.
UNKNOWN = sa.cast(sa.null(), sa.Boolean)


def folded(text: sa.SQLColumnExpression[Any]) -> sa.ColumnElement[str]:
    """Return text as it is compared: whatever its case and its Unicode form."""
    # Normalisation costs ten times what the rest does, and leaves ASCII as it is.
    is_ascii = sa.func.octet_length(text) == sa.func.char_length(text)
    return sa.func.lower(sa.case((is_ascii, text), else_=_normal(text)))


def _wanted(text: str | None) -> sa.ColumnElement[str]:
    return sa.func.lower(_normal(sa.literal(text)))


def _normal(text: sa.SQLColumnExpression[Any]) -> sa.ColumnElement[str]:
    return sa.func.normalize(text, sa.literal_column("nfkc"))


def facts() -> list[sa.ColumnElement[Any]]:
    """Return the columns that tests read, each worked out once a row and not once a test."""
    number = sa.func.translate(Transaction.counterparty_account, " -", "")
    return [
        Transaction.id.label("id"),
        Transaction.account_id.label("account_id"),
        Transaction.merchant_id.label("merchant_id"),
        Transaction.amount.label("amount"),
        Transaction.currency.label("currency"),
        Transaction.booking_date.label("booking_date"),
        Transaction.kind.label("kind"),
        Transaction.description.label("description"),
        folded(Transaction.description).label("folded_description"),
        sa.func.upper(number).label("counterparty_account"),
    ]


def pattern_matches(rows: sa.Select[Any], numbered: Mapping[str, int]) -> sa.CTE:
    """Return the numbers of the patterns that each row matches, as ``id`` and ``matched``.

    Rows are read once a pattern, so that each is compiled once.

    :param rows: a query for transactions, without columns.
    """
    found = sa.union_all(
        *(
            rows.add_columns(Transaction.id, sa.literal(number).label("number")).where(
                _matches(Transaction.description, pattern)
            )
            for pattern, number in numbered.items()
        )
    ).subquery()
    return (
        sa.select(found.c.id, sa.func.array_agg(found.c.number).label("matched"))
        .group_by(found.c.id)
        .cte("pattern_matches")
    )


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiles the trees of one user.

    Every test is true or false, also of what a transaction lacks; only an empty group or set is
    neither.

    :param facts: a relation with the columns of :func:`facts`.
    :param numbered: patterns that the relation has matched before, see :func:`pattern_matches`.
    """

    facts: sa.FromClause
    user_id: uuid.UUID
    numbered: Mapping[str, int] = field(default_factory=dict)

    def compile(self, tree: Condition) -> Predicate:
        """Return a predicate; a row that it is not true for does not match."""
        ((key, test),) = tree.given()
        return _COMPILERS[key](self, test)

    def all_of(self, group: list[Condition]) -> Predicate:
        """Return what is true where every part is."""
        return sa.and_(*self._parts(group)) if group else UNKNOWN

    def any_of(self, group: list[Condition]) -> Predicate:
        """Return what is true where some part is."""
        return sa.or_(*self._parts(group)) if group else UNKNOWN

    def none_of(self, tree: Condition) -> Predicate:
        """Return what is true where a tree is false."""
        return sa.not_(self.compile(tree))

    def _parts(self, group: list[Condition]) -> Iterator[Predicate]:
        # PostgreSQL asks from left to right until it knows, and patterns cost the most.
        return map(self.compile, sorted(group, key=lambda tree: bool(tree.patterns)))

    def merchant(self, test: conditions.MerchantTest) -> Predicate:
        """Compare the names once a merchant, not once a transaction."""
        alias = sa.select(MerchantAlias.merchant_id).where(MerchantAlias.user_id == self.user_id)
        shown = folded(Merchant.display_name)
        if test.is_ is not None:
            name = sa.func.common.normalise_merchant(test.is_)
            ways = [
                Merchant.name == name,
                Merchant.id.in_(alias.where(MerchantAlias.name == name)),
                shown == _wanted(test.is_),
            ]
        else:
            part = _wanted(test.contains)
            ways = [
                sa.func.strpos(Merchant.name, part) > 0,
                Merchant.id.in_(alias.where(sa.func.strpos(MerchantAlias.name, part) > 0)),
                sa.func.strpos(shown, part) > 0,
            ]
        found = sa.select(Merchant.id).where(Merchant.user_id == self.user_id, sa.or_(*ways))
        return _known(self.facts.c.merchant_id.in_(found))

    def description(self, test: conditions.DescriptionTest) -> Predicate:
        """Compare text by position, in which no character is a wildcard."""
        ((way, text),) = test.given()
        if way == "matches":
            return self._matches(text)
        mine, theirs = self.facts.c.folded_description, _wanted(text)
        if way == "is":
            return _known(mine == theirs)
        if way == "contains":
            return _known(sa.func.strpos(mine, theirs) > 0)
        return _known(sa.func.starts_with(mine, theirs))

    def _matches(self, pattern: str) -> Predicate:
        if pattern in self.numbered:
            number = sa.literal(self.numbered[pattern])
            return _known(number == sa.any_(self.facts.c.matched))
        return _known(_matches(self.facts.c.description, pattern))

    def counterparty_account(self, test: conditions.AccountNumberTest) -> Predicate:
        """Compare without spaces and hyphens, in upper case, as the tree has it."""
        return _known(self.facts.c.counterparty_account == test.is_)

    def amount(self, test: conditions.AmountTest) -> Predicate:
        """Compare the amount without its sign, in its own currency alone."""
        amount = self.facts.c.amount
        parts: list[Predicate] = []
        if test.direction != "any":
            parts.append(amount > 0 if test.direction == "in" else amount < 0)
        if test.currency is not None:
            parts.append(self.facts.c.currency == test.currency)
            parts += _between(sa.func.abs(amount), test.from_, test.to)
        return sa.and_(*parts)

    def currency(self, test: conditions.SetTest[str]) -> Predicate:
        """Compare the transaction's own currency."""
        return _among(self.facts.c.currency, test.in_, sa.Text())

    def date(self, test: conditions.DateTest) -> Predicate:
        """Compare the day; a pending row may have none yet, and is in no range."""
        return _known(sa.and_(*_between(self.facts.c.booking_date, test.from_, test.to)))

    def accounts(self, test: conditions.SetTest[uuid.UUID]) -> Predicate:
        """Compare the id; that of an account that is gone finds nothing."""
        return _among(self.facts.c.account_id, test.in_, sa.Uuid())

    def kind(self, test: conditions.SetTest[Any]) -> Predicate:
        """Compare what the provider says it is."""
        return _among(self.facts.c.kind, test.in_, sa.Text())


_COMPILERS: dict[str, Callable[[Compiler, Any], Predicate]] = {
    "all": Compiler.all_of,
    "any": Compiler.any_of,
    "not": Compiler.none_of,
    "merchant": Compiler.merchant,
    "description": Compiler.description,
    "counterparty_account": Compiler.counterparty_account,
    "amount": Compiler.amount,
    "currency": Compiler.currency,
    "date": Compiler.date,
    "accounts": Compiler.accounts,
    "kind": Compiler.kind,
}


def _matches(text: sa.SQLColumnExpression[Any], pattern: str) -> Predicate:
    return text.regexp_match(pattern, flags="i")


def _known(test: Predicate) -> Predicate:
    return test.is_(sa.true())


def _between(value: sa.ColumnElement[Any], first: Any, last: Any) -> list[Predicate]:
    parts: list[Predicate] = []
    if first is not None:
        parts.append(value >= first)
    if last is not None:
        parts.append(value <= last)
    return parts


def _among(
    value: sa.ColumnElement[Any], items: list[Any], kind: sa.types.TypeEngine[Any]
) -> Predicate:
    if not items:
        return UNKNOWN
    return sa.cast(value, kind) == sa.any_(sa.literal(items, pg.ARRAY(kind)))
