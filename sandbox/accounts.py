"""The accounts of the household and of the test institution."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from decimal import Decimal

from sandbox.real_banks import REAL_BANKS

NORTHGATE = "NORTHGATE_NRGTGB21"
HARBOUR = "HARBOUR_HRBRGB2L"
TEST_BANK = "SANDBOXFINANCE_SFIN0000"

CURRENT = "northgate_current"
SAVINGS = "northgate_savings"
EURO = "northgate_euro"
CREDIT_CARD = "harbour_card"
BILLS = "harbour_bills"
TEST_MAIN = "sandboxfinance_john"
TEST_OTHER = "sandboxfinance_jane"

SMALL_CURRENT = "small_current"
SMALL_SAVINGS = "small_savings"
SMALL_CARD = "small_card"

_NAMESPACE = uuid.UUID("0f6b0f3c-55a3-4c1e-9a57-3a2d1f2d7c11")


def gb_iban(bank: str, sort_code: str, number: str) -> str:
    """Return the IBAN of a UK account with its mod-97 check digits."""
    bban = f"{bank}{sort_code}{number}"
    digits = "".join(str(int(character, 36)) for character in f"{bban}GB00")
    return f"GB{98 - int(digits) % 97:02d}{bban}"


@dataclass(frozen=True)
class Account:
    """One account at a bank.

    :param key: our own name for it, stable over seeds; ``<institution>/<books>`` if it was moved,
        ``<key>#<number or currency>`` if it is a pocket of another.
    :param cash_account_type: the ISO 20022 code (CACC, SVGS, CARD).
    :param opening: balance at the start of the world; what is owed is negative.
    :param overdraft: how far the account may go below zero, a card's credit limit.
    """

    key: str
    institution_id: str
    name: str
    product: str
    currency: str
    cash_account_type: str
    owner: str
    opening: Decimal
    sort_code: str = ""
    number: str = ""
    iban: str = ""
    masked_pan: str = ""
    overdraft: Decimal = Decimal("0.00")

    @property
    def scan(self) -> str:
        """Sort code and account number, or nothing for a card."""
        return f"{self.sort_code}{self.number}"

    @property
    def books(self) -> str:
        """Whose books it shows: its own, or those of the account that it is another form of."""
        return self.key.rpartition("/")[2].partition("#")[0]

    def provider_id(self, seed: int, holder: int = 0) -> str:
        """Return the account id that GoCardless gives it.

        :param holder: which of the people who hold one like it; the first is the household.
        """
        name = f"{seed}/{self.institution_id}/{self.key}"
        return str(uuid.uuid5(_NAMESPACE, f"{name}/{holder}" if holder else name))


OWNER = "Alex Morgan Hartley"
_CURRENT_NUMBER = ("608431", "41927735")
_CURRENT_IBAN = gb_iban("NRGT", *_CURRENT_NUMBER)

ACCOUNTS: dict[str, Account] = {
    account.key: account
    for account in (
        Account(
            key=CURRENT,
            institution_id=NORTHGATE,
            name="Everyday Current Account",
            product="Everyday",
            currency="GBP",
            cash_account_type="CACC",
            owner=OWNER,
            opening=Decimal("2384.37"),
            sort_code=_CURRENT_NUMBER[0],
            number=_CURRENT_NUMBER[1],
            iban=_CURRENT_IBAN,
            overdraft=Decimal("500.00"),
        ),
        Account(
            key=SAVINGS,
            institution_id=NORTHGATE,
            name="Rainy Day Saver",
            product="Rainy Day Saver",
            currency="GBP",
            cash_account_type="SVGS",
            owner=OWNER,
            opening=Decimal("5210.00"),
            sort_code="608431",
            number="41927743",
            iban=gb_iban("NRGT", "608431", "41927743"),
        ),
        Account(
            key=EURO,
            institution_id=NORTHGATE,
            name="Euro Travel Account",
            product="Euro Travel",
            currency="EUR",
            cash_account_type="CACC",
            owner=OWNER,
            opening=Decimal("96.40"),
            sort_code=_CURRENT_NUMBER[0],
            number=_CURRENT_NUMBER[1],
            iban=_CURRENT_IBAN,
        ),
        Account(
            key=CREDIT_CARD,
            institution_id=HARBOUR,
            name="Harbour Platinum Card",
            product="Platinum Visa",
            currency="GBP",
            cash_account_type="CARD",
            owner=OWNER,
            opening=Decimal("-412.66"),
            masked_pan="453978******4471",
            overdraft=Decimal("6000.00"),
        ),
        Account(
            key=BILLS,
            institution_id=HARBOUR,
            name="Household Bills",
            product="Classic Account",
            currency="GBP",
            cash_account_type="CACC",
            owner=OWNER,
            opening=Decimal("342.18"),
            sort_code="231447",
            number="70114382",
            iban=gb_iban("HRBR", "231447", "70114382"),
        ),
        Account(
            key=TEST_MAIN,
            institution_id=TEST_BANK,
            name="Main Account",
            product="Checkings",
            currency="EUR",
            cash_account_type="CACC",
            owner="John Doe",
            opening=Decimal("1913.12"),
            iban="GL3510230000010234",
        ),
        Account(
            key=TEST_OTHER,
            institution_id=TEST_BANK,
            name="Main Account",
            product="Checkings",
            currency="EUR",
            cash_account_type="CACC",
            owner="Jane Doe",
            opening=Decimal("1913.12"),
            iban="GL2981370000081378",
        ),
    )
}


def _small(key: str, number: str, cash_account_type: str, opening: str, **more: str) -> Account:
    card = cash_account_type == "CARD"
    return Account(
        key=key,
        institution_id="",
        name=key.replace("_", " ").title(),
        product="Small",
        currency="GBP",
        cash_account_type=cash_account_type,
        owner=OWNER,
        opening=Decimal(opening),
        sort_code="" if card else "401122",
        number="" if card else number,
        iban="" if card else gb_iban("SMLL", "401122", number),
        overdraft=Decimal("2500.00") if card else Decimal("0.00"),
        **more,
    )


SMALL: dict[str, Account] = {
    account.key: account
    for account in (
        _small(SMALL_CURRENT, "31415926", "CACC", "1250.00"),
        _small(SMALL_SAVINGS, "31415934", "SVGS", "800.00"),
        _small(SMALL_CARD, "", "CARD", "-120.50", masked_pan="512788******1234"),
    )
}
"""The accounts of a household with few payments, one of each kind. They stand at no bank of their
own: each real bank of the catalogue tells of them as if they were its."""


def find_account(key: str) -> Account:
    """Return an account by its key.

    :raises KeyError: if there is none.
    """
    main, _, pocket = key.partition("#")
    if pocket.isdecimal():
        return replace(find_account(main), key=key, name=f"Space {pocket}")
    if pocket:
        return replace(find_account(main), key=key, currency=pocket)
    if (own := ACCOUNTS.get(key) or SMALL.get(key)) is not None:
        return own
    institution_id, _, books = key.partition("/")
    bank = REAL_BANKS[institution_id]
    return replace(SMALL[books], key=key, institution_id=institution_id, currency=bank.currency)


def at_institution(institution_id: str) -> list[Account]:
    """Return the accounts that a consent at an institution opens."""
    if (bank := REAL_BANKS.get(institution_id)) is not None:
        return [find_account(f"{institution_id}/{books}") for books in bank.accounts]
    return [account for account in ACCOUNTS.values() if account.institution_id == institution_id]
