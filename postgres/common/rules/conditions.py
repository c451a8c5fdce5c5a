"""The tree of conditions of a tag rule, as users write it and as it is stored.

A node is an object of one key. Groups are ``{"all": [...]}``, ``{"any": [...]}`` and
``{"not": {...}}``. Every other key is a test of the transaction:

- ``{"merchant": {"is": text}}``, or ``contains``: a name of the merchant, be it the bank's, the
  user's, or an alias.
- ``{"description": {"is": text}}``, or ``contains``, ``starts_with``, ``matches``. Text is compared
  whatever its case and Unicode form; ``matches`` is one of PostgreSQL's regular expressions.
- ``{"counterparty_account": {"is": number}}``: an account number, however it is spaced.
- ``{"amount": {"direction": "out", "from": "10", "to": "20", "currency": "GBP"}}``: which way the
  money goes, and how much it is, without a sign and both ends included.
- ``{"currency": {"in": [...]}}``, ``{"kind": {"in": [...]}}``, ``{"accounts": {"in": [ids]}}``.
- ``{"date": {"from": day, "to": day}}``: the bank's own day, both ends included.

What a transaction lacks no test finds: without a description it contains nothing, and the negation
of that test finds it. A group or a set with nothing in it says nothing. It matches nothing, and its
negation matches nothing either: it is unknown, as in SQL, and a rule acts where its tree is true
whatever the unknown may be.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain, islice
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)

from postgres.common.enums import TransactionKind
from postgres.errors import ConditionsError

MOST_LEVELS = 8
MOST_NODES = 200
LARGEST_SET = 200
LONGEST_TEXT = 200
ROOT = "conditions"

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_OTHER_SYNTAX = re.compile(r"\*\*\*|\(\?[a-z]+\)")


def _check_text(text: str) -> str:
    if not text.strip() or "\x00" in text:
        message = "is blank or has a NUL character"
        raise ValueError(message)
    return text


def _check_pattern(pattern: str) -> str:
    if _OTHER_SYNTAX.match(pattern):
        message = "begins with options, which a rule does not take"
        raise ValueError(message)
    if any(escaped in "123456789" for escaped in _ESCAPE.findall(pattern)):
        message = "refers back to a group, which can take for ever"
        raise ValueError(message)
    return pattern


def _account_number(text: str) -> str:
    number = re.sub(r"[\s-]", "", text).upper()
    if not re.fullmatch(r"[!-~]+", number):
        message = "is not an account number"
        raise ValueError(message)
    return number


def _check_exact(value: object) -> object:
    if isinstance(value, bool | float):
        message = "is not exact: give an amount as text, such as '12.50'"
        raise ValueError(message)  # noqa: TRY004 - pydantic reports no TypeError
    return value


def _check_day(value: object) -> object:
    if isinstance(value, str) or type(value) is dt.date:
        return value
    message = "is not a day, such as '2026-03-15'"
    raise ValueError(message)


def _plain(amount: Decimal) -> str:
    return format(amount.normalize(), "f")


def _unique(values: Sequence[Any]) -> list[Any]:
    return sorted(set(values))


Text = Annotated[str, Field(max_length=LONGEST_TEXT), AfterValidator(_check_text)]
Pattern = Annotated[Text, AfterValidator(_check_pattern)]
AccountNumber = Annotated[Text, AfterValidator(_account_number)]
Amount = Annotated[
    Decimal,
    BeforeValidator(_check_exact),
    Field(ge=0, max_digits=30, decimal_places=10),
    PlainSerializer(_plain, return_type=str),
]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Day = Annotated[dt.date, BeforeValidator(_check_day)]


Item = TypeVar("Item")


class _Node(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _OneOf(_Node):
    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if len(list(self.given())) != 1:
            names = (field.alias or name for name, field in type(self).model_fields.items())
            message = f"has exactly one of: {', '.join(names)}"
            raise ValueError(message)
        return self

    def given(self) -> Iterator[tuple[str, Any]]:
        """Yield what is set, by its key."""
        for name, field in type(self).model_fields.items():
            if (value := getattr(self, name)) is not None:
                yield field.alias or name, value


class MerchantTest(_OneOf):
    """How the name of a merchant compares."""

    is_: Text | None = Field(None, alias="is")
    contains: Text | None = None


class DescriptionTest(_OneOf):
    """How a description compares."""

    is_: Text | None = Field(None, alias="is")
    contains: Text | None = None
    starts_with: Text | None = None
    matches: Pattern | None = None


class AccountNumberTest(_Node):
    """Which account is on the other side."""

    is_: AccountNumber = Field(alias="is")


class AmountTest(_Node):
    """Which way the money goes, and how much it is."""

    direction: Literal["in", "out", "any"] = "any"
    from_: Amount | None = Field(None, alias="from")
    to: Amount | None = None
    currency: Currency | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        has_range = _has_range(self.from_, self.to)
        if has_range != (self.currency is not None):
            message = "has from or to beside their currency, or neither"
            raise ValueError(message)
        if not has_range and self.direction == "any":
            message = "has a direction, from or to"
            raise ValueError(message)
        return self


class DateTest(_Node):
    """Which days."""

    from_: Day | None = Field(None, alias="from")
    to: Day | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not _has_range(self.from_, self.to):
            message = "has from or to"
            raise ValueError(message)
        return self


def _has_range(first: Any, last: Any) -> bool:
    if first is not None and last is not None and first > last:
        message = "ends before it begins"
        raise ValueError(message)
    return first is not None or last is not None


class SetTest(_Node, Generic[Item]):
    """Which values of some."""

    in_: Annotated[list[Item], Field(alias="in", max_length=LARGEST_SET), AfterValidator(_unique)]


class Condition(_OneOf):
    """A node of the tree: a group of others, or a test."""

    all: list[Condition] | None = None
    any: list[Condition] | None = None
    not_: Condition | None = Field(None, alias="not")
    merchant: MerchantTest | None = None
    description: DescriptionTest | None = None
    counterparty_account: AccountNumberTest | None = None
    amount: AmountTest | None = None
    currency: SetTest[Currency] | None = None
    date: DateTest | None = None
    accounts: SetTest[uuid.UUID] | None = None
    kind: SetTest[TransactionKind] | None = None

    @model_validator(mode="before")
    @classmethod
    def _name_nothing(cls, value: object) -> object:
        return {"all": []} if value == {} else value

    def walk(self, place: str = ROOT) -> Iterator[tuple[str, Condition]]:
        """Yield this node and all below it, each with its place in the tree."""
        yield place, self
        for name, group in (("all", self.all), ("any", self.any)):
            for number, child in enumerate(group or ()):
                yield from child.walk(f"{place}.{name}[{number}]")
        if self.not_ is not None:
            yield from self.not_.walk(f"{place}.not")

    @property
    def patterns(self) -> dict[str, str]:
        """Every regular expression by its place in the tree."""
        return {
            f"{place}.description.matches": node.description.matches
            for place, node in self.walk()
            if node.description and node.description.matches
        }

    @property
    def account_ids(self) -> dict[str, list[uuid.UUID]]:
        """The accounts of every test of them by its place in the tree."""
        return {
            f"{place}.accounts.in": node.accounts.in_
            for place, node in self.walk()
            if node.accounts
        }


def parse(conditions: Mapping[str, Any]) -> Condition:
    """Return the tree that JSON holds.

    :raises ConditionsError: if it holds none; it names the place.
    """
    _check_size(conditions)
    try:
        return Condition.model_validate(conditions)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        reason = first["msg"].removeprefix("Value error, ")
        raise ConditionsError(_place(first["loc"]), reason) from None


def canonical(tree: Condition) -> dict[str, Any]:
    """Return a tree as JSON, one text for all ways to write it."""
    return tree.model_dump(mode="json", by_alias=True, exclude_none=True)


def _check_size(conditions: object) -> None:
    """Bound a tree before anything walks it in depth."""
    level, nodes = [conditions], 0
    for _ in range(MOST_LEVELS):
        nodes += len(level)
        if nodes > MOST_NODES:
            break
        below = chain.from_iterable(_children(node) for node in level)
        level = list(islice(below, MOST_NODES + 1))
    if level:
        reason = f"is deeper than {MOST_LEVELS} levels or larger than {MOST_NODES} nodes"
        raise ConditionsError(ROOT, reason)


def _children(node: object) -> Iterator[object]:
    if isinstance(node, Mapping):
        for group in (node.get("all"), node.get("any")):
            if isinstance(group, list):
                yield from group
        if "not" in node:
            yield node["not"]


def _place(location: Sequence[int | str]) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return ROOT + "".join(steps)
