"""What every part of the running sandbox works on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from sandbox.accounts import Account, at_institution, find_account
from sandbox.broker_quirks import BrokerSwitches
from sandbox.consent_rules import Consents
from sandbox.faults import Faults
from sandbox.limits import Windows
from sandbox.quirks import Switches
from sandbox.state import Agreement, Requisition, State
from sandbox.world import World, world


@dataclass
class Core:
    """State, world, limits, faults, quirks, rules of consents and the record of calls.

    :param daily_limit: successful calls a day for each account and scope.
    :param bank_limits: the same by institution, of banks that allow fewer.
    :param reports: that the broker was asked for, the oldest first.
    :param has_trader: see :class:`sandbox.world.World`.
    """

    state: State
    daily_limit: int
    gocardless_windows: Windows
    trading212_windows: Windows
    world: World = field(init=False)
    faults: Faults = field(default_factory=Faults)
    quirks: Switches = field(default_factory=Switches)
    broker_quirks: BrokerSwitches = field(default_factory=BrokerSwitches)
    reports: list[dict[str, Any]] = field(default_factory=list)
    consents: Consents = field(default_factory=Consents)
    requests: list[dict[str, Any]] = field(default_factory=list)
    bank_limits: Mapping[str, int] = field(default_factory=dict)
    has_trader: bool = False

    def __post_init__(self) -> None:
        self.world = world(self.state.seed, self.state.start, self.has_trader)

    def now(self) -> dt.datetime:
        """Return the instant it is here, with every day up to it lived."""
        now = self.state.clock.now()
        self.world.live_until(now)
        return now

    def daily_limit_of(self, account: Account) -> int:
        """Return how many calls a day an account's bank allows for each scope."""
        return self.bank_limits.get(account.institution_id, self.daily_limit)

    def opened_by(self, requisition: Requisition, holder: int = 0) -> dict[str, Account]:
        """Return the accounts that a consent opens, by the id that GoCardless gives them.

        :param holder: which of many people who live the same life, each with accounts of their own.
        """
        rules = self.consents.at(requisition.institution_id)
        return {
            rules.identity(account, self.state.seed, requisition.id, holder): account
            for account in rules.opened(at_institution(requisition.institution_id))
        }

    def accounts_of(self, agreement: Agreement) -> list[str]:
        """Return the ids of the accounts that were opened under an agreement."""
        return [
            account
            for requisition in self.state.requisitions.values()
            if requisition.agreement == agreement.id
            for account in requisition.accounts
        ]

    def account(self, provider_id: str) -> Account | None:
        """Return an account that was opened by some consent."""
        linked = self.state.accounts.get(provider_id)
        return find_account(linked.key) if linked else None


def core_of(request: Request) -> Core:
    """Return what a request works on."""
    core: Core = request.app.state.core
    return core


def base_url(request: Request) -> str:
    """Return the address by which the caller reached the server."""
    return str(request.base_url).rstrip("/")
