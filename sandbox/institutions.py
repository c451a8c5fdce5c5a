"""The banks on offer, as the institutions endpoints describe them: made-up ones, and real ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.accounts import HARBOUR, NORTHGATE, TEST_BANK
from sandbox.real_banks import REAL_BANKS

FEATURES = (
    "access_scopes",
    "account_selection",
    "business_accounts",
    "card_accounts",
    "corporate_accounts",
    "pending_transactions",
    "private_accounts",
    "read_debtor_account",
    "read_refund_account",
    "separate_continuous_history_consent",
    "ssn_verification",
)
SCOPES = ("balances", "details", "transactions")


@dataclass(frozen=True)
class Institution:
    """One bank: how far back it goes, how long a consent lasts, what it can do.

    :param reconfirmed_days: how long a consent may last that is reconfirmed (United Kingdom only).
    """

    id: str
    name: str
    bic: str
    countries: tuple[str, ...]
    total_days: int = 90
    valid_days: int = 180
    reconfirmed_days: int | None = None
    features: tuple[str, ...] = ("private_accounts",)

    @property
    def asks_reconfirmation(self) -> bool:
        """Tell whether a consent at this bank can be reconfirmed."""
        return self.reconfirmed_days is not None

    def summary(self, base_url: str) -> dict[str, Any]:
        """Return what the list says of it."""
        answer: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "bic": self.bic,
            "transaction_total_days": str(self.total_days),
            "countries": list(self.countries),
            "logo": f"{base_url}/consent/logo/{self.id}.svg",
            "max_access_valid_for_days": str(self.valid_days),
        }
        if self.reconfirmed_days is not None:
            answer["max_access_valid_for_days_reconfirmation"] = str(self.reconfirmed_days)
        return answer

    def detail(self, base_url: str, *more_features: str) -> dict[str, Any]:
        """Return what the detail call says of it."""
        return {
            **self.summary(base_url),
            "supported_features": [*self.features, *more_features],
            "identification_codes": [],
        }


_FULL = ("card_accounts", "pending_transactions", "private_accounts")

INSTITUTIONS: dict[str, Institution] = {
    bank.id: bank
    for bank in (
        Institution(
            NORTHGATE, "Northgate Bank", "NRGTGB21", ("GB",), 730, 180, 730,
            (*_FULL, "account_selection", "business_accounts"),
        ),
        Institution(HARBOUR, "Harbour Bank", "HRBRGB2L", ("GB",), 730, 180, None, _FULL),
        Institution(TEST_BANK, "Sandbox Finance", "SFIN0000", ("XX",), features=_FULL),
        Institution("FERNWAY_FRNWGB2L", "Fernway Building Society", "FRNWGB2L", ("GB",), 365),
        Institution("PENNANT_PNNTGB2L", "Pennant", "PNNTGB2L", ("GB", "IE"), 540, 180, 730, _FULL),
        Institution("LIFFEYBANK_LIFFIE2D", "Liffey Bank", "LIFFIE2D", ("IE",), 365),
        Institution(
            "SPREEBANK_SPREDEFF", "Spreebank", "SPREDEFF", ("DE", "AT"), 400, features=_FULL
        ),
        Institution("AMSTELBANK_AMSTNL2A", "Amstelbank", "AMSTNL2A", ("NL", "BE"), 558),
        Institution("LOIREBANQUE_LOIRFRPP", "Loire Banque", "LOIRFRPP", ("FR",)),
        Institution("FJORDBANK_FJRDNOKK", "Fjordbank", "FJRDNOKK", ("NO", "SE", "DK"), 730),
        *(
            Institution(r.id, r.name, r.bic, (r.country,), r.total_days, features=_FULL)
            for r in REAL_BANKS.values()
        ),
    )
}  # fmt: skip

COUNTRIES = frozenset(
    (
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "HU",
        "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI",
        "SK", "XX",
    )
)  # fmt: skip
