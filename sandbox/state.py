"""What the sandbox remembers: consents, links, quotas and the clock, in a file or not."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from sandbox.clock import Clock, iso_micros, parse_instant
from sandbox.world import first_day

_ONE_DAY = dt.timedelta(days=1)
RECONFIRMED_EVERY = 90 * _ONE_DAY
RECONFIRMATION_WINDOW = 14 * _ONE_DAY


@dataclass
class Agreement:
    """An end-user agreement."""

    id: str
    created: dt.datetime
    institution_id: str
    max_historical_days: int
    access_valid_for_days: int
    access_scope: list[str]
    reconfirmation: bool
    accepted: dt.datetime | None = None
    reconfirmed: dt.datetime | None = None
    rejected: dt.datetime | None = None
    reconfirmation_asked: dt.datetime | None = None
    reconfirmation_mark: dt.datetime | None = None
    reconfirmation_redirect: str | None = None

    @property
    def expires(self) -> dt.datetime | None:
        """When the consent ends; ``None`` before it was given."""
        return self.accepted and self.accepted + self.access_valid_for_days * _ONE_DAY

    @property
    def reconfirm_by(self) -> dt.datetime | None:
        """When the bank wants to hear from the user again; ``None`` if never."""
        if not self.reconfirmation or self.accepted is None:
            return None
        return (self.reconfirmed or self.accepted) + RECONFIRMED_EVERY


@dataclass
class Requisition:
    """A link between the company, an agreement and the accounts it opened.

    :param is_revoked: the user took it back at the bank.
    """

    id: str
    created: dt.datetime
    redirect: str
    status: str
    institution_id: str
    agreement: str
    reference: str
    accounts: list[str]
    user_language: str
    account_selection: bool
    redirect_immediate: bool
    ssn: str | None = None
    is_revoked: bool = False


@dataclass
class Linked:
    """An account that was opened by some consent, ever.

    :param is_renamed: this is not the id that it has by itself, and its rows have others too.
    """

    key: str
    created: dt.datetime
    last_accessed: dt.datetime | None = None
    is_renamed: bool = False


@dataclass
class State:
    """Everything that outlives a request.

    :param path: where it is kept; ``None`` keeps it in memory.
    :param usage: successful calls by account, scope and day.
    :param failures: errors in a row by account, of those that lead to its suspension.
    """

    seed: int
    start: dt.date
    clock: Clock
    path: Path | None = None
    agreements: dict[str, Agreement] = field(default_factory=dict)
    requisitions: dict[str, Requisition] = field(default_factory=dict)
    accounts: dict[str, Linked] = field(default_factory=dict)
    usage: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    @classmethod
    def open(
        cls,
        path: Path | None,
        seed: int | None,
        now: dt.datetime | None,
        start: dt.date | None = None,
    ) -> Self:
        """Go on from a file, or begin.

        :param start: first day of a new world; ``None`` is two years ago.

        :param seed: of a new world; a kept one has its own.
        :raises ValueError: if the file is no state, or was made with another seed.
        """
        if path is not None and path.exists():
            state = cls._load(path)
            if seed is not None and seed != state.seed:
                message = f"{path} was made with seed {state.seed}, not {seed}"
                raise ValueError(message)
            if now is not None:
                state.clock.set(now)
            return state
        clock = Clock(frozen=now)
        state = cls(7 if seed is None else seed, start or first_day(clock.now()), clock, path)
        state.save()
        return state

    def save(self) -> None:
        """Write the file in one piece, so that a crash leaves the last whole one."""
        if self.path is None:
            return
        document = {
            "seed": self.seed,
            "start": self.start.isoformat(),
            "clock": self.clock.dump(),
            "agreements": [asdict(agreement) for agreement in self.agreements.values()],
            "requisitions": [asdict(requisition) for requisition in self.requisitions.values()],
            "accounts": {key: asdict(linked) for key, linked in self.accounts.items()},
            "usage": self.usage,
            "failures": self.failures,
        }
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}.draft")
        draft.write_text(json.dumps(document, default=iso_micros, indent=1), encoding="utf-8")
        draft.replace(self.path)

    @classmethod
    def _load(cls, path: Path) -> Self:
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                seed=document["seed"],
                start=dt.date.fromisoformat(document["start"]),
                clock=Clock.load(document["clock"]),
                path=path,
                agreements={
                    row["id"]: Agreement(**_instants(row)) for row in document["agreements"]
                },
                requisitions={
                    row["id"]: Requisition(**_instants(row)) for row in document["requisitions"]
                },
                accounts={
                    key: Linked(**_instants(row)) for key, row in document["accounts"].items()
                },
                usage=Counter(document["usage"]),
                failures=Counter(document.get("failures", {})),
            )
        except (KeyError, TypeError, ValueError) as error:
            message = f"{path} is not a state file of the sandbox"
            raise ValueError(message) from error


_INSTANTS = (
    "created", "accepted", "reconfirmed", "rejected", "reconfirmation_asked", "reconfirmation_mark",
    "last_accessed",
)  # fmt: skip


def _instants(row: dict[str, Any]) -> dict[str, Any]:
    return {
        key: parse_instant(value) if key in _INSTANTS and value is not None else value
        for key, value in row.items()
    }
