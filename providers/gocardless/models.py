"""The payloads that are acted upon, parsed. The rows of accounts are not among them: they stay raw.

Unknown fields are ignored, what is used is checked, and an unknown state stays a text. GoCardless
sends null, an empty text or a space where it has no value; all three are read as missing.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from providers.errors import UnexpectedResponse
from providers.gocardless.errors import LABEL, PROVIDER

# What GoCardless itself assumes for an institution or an agreement that does not say.
_DEFAULT_DAYS = 90


class Payload(BaseModel):
    """What all of them have in common."""

    # An input in an error text would carry bank data into logs.
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_missing(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {
            name: value
            for name, value in data.items()
            if value is not None and not (isinstance(value, str) and not value.strip())
        }

    @classmethod
    def parse(cls, payload: Any) -> Self:
        """Read the JSON of an answer.

        :raises UnexpectedResponse: if something that is needed is missing or is something else.
        """
        try:
            return cls.model_validate(payload)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the whole"
            kind = cls.__name__.lower()
            message = f"{LABEL}: the {kind} is not understood: {where}: {first['type']}"
        raise UnexpectedResponse(message, provider=PROVIDER)


class Institution(Payload):
    """A bank, and how far back and for how long it lets itself be read."""

    id: str
    name: str
    bic: str | None = None
    transaction_total_days: int = Field(_DEFAULT_DAYS, gt=0)
    max_access_valid_for_days: int = Field(_DEFAULT_DAYS, gt=0)
    max_access_valid_for_days_reconfirmation: int | None = Field(None, gt=0)
    countries: tuple[str, ...] = ()
    supported_features: tuple[str, ...] = ()
    logo: str | None = None

    @property
    def separates_history(self) -> bool:
        """Whether a consent that lasts reaches no further back than one without a long history.

        The older days take a consent of their own, see :mod:`providers.gocardless.terms`.
        """
        return "separate_continuous_history_consent" in self.supported_features


class Agreement(Payload):
    """What an end user agrees to: which data, how far back, for how many days."""

    id: str
    institution_id: str
    created: dt.datetime | None = None
    max_historical_days: int = _DEFAULT_DAYS
    access_valid_for_days: int = _DEFAULT_DAYS
    access_scope: tuple[str, ...] = ()
    accepted: dt.datetime | None = None
    reconfirmation: bool = False

    @property
    def expires_at(self) -> dt.datetime | None:
        """When access ends at the latest; None while nobody has accepted.

        The status of a requisition cannot be asked instead: it turns to expired only after a
        failed read.
        """
        if self.accepted is None:
            return None
        return self.accepted + dt.timedelta(days=self.access_valid_for_days)


class AccountReconfirmation(Payload):
    """What a user said of one account when they were asked to confirm once more."""

    reconfirmed: dt.datetime | None = None
    rejected: dt.datetime | None = None


class Reconfirmation(Payload):
    """That a user was asked to confirm an agreement once more, and what they said."""

    reconfirmation_url: str
    created: dt.datetime
    url_valid_from: dt.datetime
    url_valid_to: dt.datetime
    accounts: dict[str, AccountReconfirmation] = {}

    @property
    def confirmed_at(self) -> dt.datetime | None:
        """When the last account was confirmed; None if none was yet."""
        given = [account.reconfirmed for account in self.accounts.values() if account.reconfirmed]
        return max(given, default=None)

    @property
    def is_answered(self) -> bool:
        """Whether the user has decided on every account."""
        return all(each.reconfirmed or each.rejected for each in self.accounts.values())


class Requisition(Payload):
    """The link between a user and a bank, and the accounts that came of it.

    :ivar status: as the provider writes it, such as ``CR``, ``LN`` or ``EX``; others may appear.
    """

    id: str
    status: str
    institution_id: str | None = None
    created: dt.datetime | None = None
    agreement: str | None = None
    reference: str | None = None
    accounts: tuple[str, ...] = ()
    link: str | None = None

    @field_validator("status", mode="before")
    @classmethod
    def _from_object(cls, value: Any) -> Any:
        # Payloads of the early days have {short, long, description}.
        return value.get("short") if isinstance(value, dict) else value

    @property
    def is_linked(self) -> bool:
        """Whether its accounts can be read."""
        return self.status == "LN"
