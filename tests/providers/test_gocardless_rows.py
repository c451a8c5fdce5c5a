"""What a row of a bank says: never more than is there, never less, and never a guess at money."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.gocardless.rows import (
    TransactionFacts,
    is_booked_balance,
    read_account,
    read_balance,
    read_transaction,
)

MARCH = dt.date(2026, 3, 14)


def row(**changes: Any) -> dict[str, Any]:
    """A complete booked row; a change to None takes the key away."""
    payload: dict[str, Any] = {
        "internalTransactionId": "5f0c4b3a5f0c4b3a5f0c4b3a5f0c4b3a",
        "transactionId": "2026031400001",
        "bookingDate": "2026-03-14",
        "transactionAmount": {"amount": "-12.50", "currency": "GBP"},
        "creditorName": "Blue Door Bakery",
        "remittanceInformationUnstructured": "BLUE DOOR 14MAR",
    }
    payload.update(changes)
    return {key: value for key, value in payload.items() if value is not None}


def booked(**changes: Any) -> TransactionFacts:
    return read_transaction(row(**changes), is_pending=False)


def money(amount: Any = "-12.50", currency: Any = "GBP") -> dict[str, Any]:
    return {"amount": amount, "currency": currency}


def test_complete_row() -> None:
    facts = booked(
        entryReference="E1",
        valueDate="2026-03-15",
        bookingDateTime="2026-03-14T10:11:12+01:00",
        creditorAccount={"iban": "GB33 BUKB 2020 1555 5555 55"},
        balanceAfterTransaction={
            "balanceAmount": money("87.50"),
            "balanceType": "interimBooked",
        },
    )

    assert facts == TransactionFacts(
        internal_transaction_id="5f0c4b3a5f0c4b3a5f0c4b3a5f0c4b3a",
        transaction_id="2026031400001",
        entry_reference="E1",
        amount=Decimal("-12.50"),
        currency="GBP",
        booking_date=MARCH,
        value_date=dt.date(2026, 3, 15),
        booked_at=dt.datetime(2026, 3, 14, 9, 11, 12, tzinfo=dt.UTC),
        description="BLUE DOOR 14MAR",
        counterparty_name="Blue Door Bakery",
        counterparty_account="GB33BUKB20201555555555",
        balance_after=Decimal("87.50"),
        refusal=None,
    )


class TestMoney:
    @pytest.mark.parametrize("amount", ["-12.50", "12.50", "-9", "-12.0", "0.00", "0.001"])
    def test_amount_and_sign_are_the_banks(self, amount: str) -> None:
        facts = booked(transactionAmount=money(amount))

        assert facts.amount == Decimal(amount)
        assert facts.refusal is None

    @pytest.mark.parametrize(
        "amount",
        [{}, {"currency": "GBP"}, money(None), money(""), money(" \u00a0"), None, "-12.50", []],
    )
    def test_missing_amount_is_refused_and_never_zero(self, amount: Any) -> None:
        facts = booked(transactionAmount=amount)

        assert facts.amount is None
        assert facts.refusal == "transactionAmount.amount is missing"

    @pytest.mark.parametrize(
        "amount", ["twelve", "12,50", "NaN", "Infinity", "1e999", True, [], {}]
    )
    def test_unreadable_amount_is_refused_and_never_zero(self, amount: Any) -> None:
        facts = booked(transactionAmount=money(amount))

        assert facts.amount is None
        assert facts.refusal == "transactionAmount.amount is not a number"

    @pytest.mark.parametrize("currency", [None, "", "£", "POUND", 826])
    def test_amount_without_a_currency_is_refused(self, currency: Any) -> None:
        facts = booked(transactionAmount=money(currency=currency))

        assert facts.amount == Decimal("-12.50")
        assert facts.currency is None
        assert facts.refusal == "transactionAmount.currency is not a three-letter code"


class TestIds:
    @pytest.mark.parametrize("missing", [None, "", " ", "\u200b"])
    def test_blank_id_is_none(self, missing: str | None) -> None:
        facts = booked(transactionId=missing, internalTransactionId=missing, entryReference=missing)

        assert facts.transaction_id is None
        assert facts.internal_transaction_id is None
        assert facts.entry_reference is None
        assert facts.refusal is None

    @pytest.mark.parametrize("word", ["NOTPROVIDED", "Not Provided", "n/a", "null", "0", "---"])
    def test_a_word_for_having_no_id_is_none(self, word: str) -> None:
        facts = booked(transactionId=word, entryReference=word)

        assert facts.transaction_id is None
        assert facts.entry_reference is None


class TestDates:
    @pytest.mark.parametrize(
        "dates",
        [
            {"bookingDate": "2026-03-14T00:00:00Z"},
            {"bookingDate": None, "bookingDateTime": "2026-03-14T23:59:59.1234567+05:00"},
            {"bookingDate": None, "valueDate": "2026-03-14"},
            {"bookingDate": None, "valueDateTime": "2026-03-14T15:43:37.950"},
            {"bookingDate": "pending", "valueDate": "2026-03-14"},
            # The booking date counts, whatever the others say.
            {"bookingDateTime": "2026-03-15T00:30:00Z", "valueDateTime": "2026-02-14T00:00:00Z"},
        ],
    )
    def test_day_comes_from_the_best_date_there_is(self, dates: dict[str, Any]) -> None:
        facts = booked(**dates)

        assert facts.booking_date == MARCH
        assert facts.refusal is None

    def test_value_date_comes_from_its_own_fields(self) -> None:
        assert booked(valueDate="2026-03-16").value_date == dt.date(2026, 3, 16)
        assert booked(valueDateTime="2026-03-16T01:00:00Z").value_date == dt.date(2026, 3, 16)
        assert booked().value_date is None

    @pytest.mark.parametrize("date", [None, "", "unknown", "2026-02-30"])
    def test_booked_row_without_any_day_is_refused_and_not_dated_today(self, date: Any) -> None:
        facts = booked(bookingDate=date)

        assert facts.booking_date is None
        assert facts.refusal == "no booking date and no value date"

    @pytest.mark.parametrize("date", ["0001-01-01", "1969-12-31", "2200-01-01", "9999-12-31"])
    def test_a_day_that_no_bank_means_is_none(self, date: str) -> None:
        beside = booked(valueDate=date)
        assert (beside.booking_date, beside.value_date, beside.refusal) == (MARCH, None, None)
        assert booked(bookingDate=date, valueDate="2026-03-14").booking_date == MARCH

        alone = booked(bookingDate=date)
        assert alone.booking_date is None
        assert alone.refusal == "the date is not between 1970-01-01 and 2199-12-31"

    def test_pending_row_may_lack_its_day(self) -> None:
        facts = read_transaction(row(bookingDate=None), is_pending=True)

        assert facts.booking_date is None
        assert facts.refusal is None


class TestText:
    @pytest.mark.parametrize(
        ("fields", "description"),
        [
            ({"remittanceInformationUnstructured": ["one", " ", "two"]}, "one two"),
            ({"remittanceInformationUnstructuredArray": ["one", "two"]}, "one two"),
            ({"remittanceInformationStructured": "RF18 5390"}, "RF18 5390"),
            ({"remittanceInformationStructuredArray": ["RF18", "5390"]}, "RF18 5390"),
            ({"remittanceInformationStructuredArray": [{"reference": "RF18"}]}, None),
            ({"additionalInformation": "card 1234"}, "card 1234"),
            ({"remittanceInformationUnstructured": "a\u00a0\r\nb"}, "a b"),
            ({}, None),
        ],
    )
    def test_description_comes_from_wherever_the_bank_puts_it(
        self, fields: dict[str, Any], description: str | None
    ) -> None:
        facts = booked(**{"remittanceInformationUnstructured": None, **fields})

        assert facts.description == description

    def test_a_blank_text_does_not_hide_the_next(self) -> None:
        facts = booked(
            remittanceInformationUnstructured=" ",
            remittanceInformationUnstructuredArray=["", "Rent"],
            additionalInformation="other",
        )

        assert facts.description == "Rent other"


class TestCounterparty:
    def test_money_out_goes_to_the_creditor_and_money_in_comes_from_the_debtor(self) -> None:
        both = {"creditorName": "Landlord", "debtorName": "Employer"}

        assert booked(**both).counterparty_name == "Landlord"
        facts = booked(**both, transactionAmount=money("12.50"))
        assert facts.counterparty_name == "Employer"

    @pytest.mark.parametrize("blank", [None, "", "   ", "\u00a0\u200b"])
    def test_name_on_the_wrong_side_is_found(self, blank: str | None) -> None:
        facts = booked(creditorName=blank, debtorName=" Corner Shop        ")

        assert facts.counterparty_name == "Corner Shop"

    def test_no_name_is_none(self) -> None:
        facts = booked(creditorName=" ", debtorName=None, remittanceInformationUnstructured=None)

        assert facts.counterparty_name is None
        assert facts.refusal is None

    @pytest.mark.parametrize(
        ("account", "number"),
        [
            ({"iban": "DE89 3704 0044 0532 0130 00"}, "DE89370400440532013000"),
            ({"iban": None, "bban": "2020 1555"}, "20201555"),
            ({"iban": " ", "maskedPan": "4929********1234"}, "4929********1234"),
            ("DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
            ({"currency": "GBP"}, None),
            ({}, None),
            ([], None),
            (None, None),
        ],
    )
    def test_account_in_any_shape(self, account: Any, number: str | None) -> None:
        facts = read_transaction(row() | {"creditorAccount": account}, is_pending=False)

        assert facts.counterparty_account == number
        assert facts.refusal is None

    @pytest.mark.parametrize("amount", ["-12.50", "12.50"])
    @pytest.mark.parametrize("name", ["Blue Door Bakery", None])
    def test_own_account_is_not_the_counterpartys(self, amount: str, name: str | None) -> None:
        # Many banks give the account itself on its own side; as the other side's it would turn
        # every payment into a transfer to oneself.
        near, far = ("creditor", "debtor") if amount.startswith("-") else ("debtor", "creditor")
        facts = booked(
            transactionAmount=money(amount),
            remittanceInformationUnstructured=None,
            **{"creditorName": None, f"{near}Name": name, f"{far}Account": {"iban": "GB00OWN"}},
        )

        assert facts.counterparty_name == name
        assert facts.counterparty_account is None

    def test_account_follows_the_name_to_the_wrong_side(self) -> None:
        facts = booked(
            creditorName=" ", debtorName="Corner Shop", debtorAccount={"iban": "GB00SHOP"}
        )

        assert (facts.counterparty_name, facts.counterparty_account) == ("Corner Shop", "GB00SHOP")


class TestBalanceAfter:
    @pytest.mark.parametrize("kind", ["interimBooked", "InterimBooked", "closingBooked"])
    def test_booked_balance_in_the_rows_currency_counts(self, kind: str) -> None:
        after = {"balanceAmount": money("-3.20"), "balanceType": kind}

        assert booked(balanceAfterTransaction=after).balance_after == Decimal("-3.20")

    @pytest.mark.parametrize(
        "after",
        [
            "87.50",
            [],
            money("87.50"),
            {"balanceAmount": money("87.50")},
            {"balanceAmount": money("87.50"), "balanceType": "interimAvailable"},
            {"balanceAmount": money("87.50", "EUR"), "balanceType": "interimBooked"},
            {"balanceAmount": "87.50", "balanceType": "interimBooked"},
            {"balanceAmount": money(None), "balanceType": "interimBooked"},
        ],
    )
    def test_any_other_is_unknown(self, after: Any) -> None:
        facts = booked(balanceAfterTransaction=after)

        assert facts.balance_after is None
        assert facts.refusal is None


class TestBalances:
    def test_entries_of_one_type_keep_their_days_apart(self) -> None:
        entries = [
            {"balanceType": "closingBooked", "balanceAmount": money(amount), "referenceDate": day}
            for amount, day in (("10.0", "2026-03-13"), ("-12", "2026-03-14T00:00:00Z"))
        ]

        facts = [read_balance(entry) for entry in entries]

        assert [(f.amount, f.reference_date) for f in facts] == [
            (Decimal(10), dt.date(2026, 3, 13)),
            (Decimal(-12), MARCH),
        ]

    def test_missing_type_and_amount_are_unknown_and_not_zero(self) -> None:
        facts = read_balance({"balanceAmount": {"currency": "GBP"}})

        assert (facts.balance_type, facts.amount, facts.currency) == (None, None, "GBP")
        assert read_balance({}).amount is None
        assert read_balance([]).currency is None

    @pytest.mark.parametrize(
        ("kind", "is_booked"),
        [
            ("interimBooked", True),
            ("InterimBooked", True),
            ("closingBooked", True),
            ("openingBooked", True),
            ("interimAvailable", False),
            ("expected", False),
            ("forwardAvailable", False),
            ("nonInvoiced", False),
            ("information", False),
            ("", False),
            (None, False),
        ],
    )
    def test_which_balances_the_booked_rows_add_up_to(
        self, kind: str | None, is_booked: bool
    ) -> None:
        assert is_booked_balance(kind) is is_booked


def account(details: Any = None, **metadata: Any) -> dict[str, Any]:
    return {
        "account": {"id": "3fa85f64-5717-4562-b3fc-2c963f66afa6", **metadata},
        "details": details,
    }


class TestAccounts:
    @pytest.mark.parametrize(
        ("payload", "number"),
        [
            (account({"iban": "GB33 BUKB 2020"}, iban="OTHER"), "GB33BUKB2020"),
            (account({}, iban="GB33BUKB2020"), "GB33BUKB2020"),
            # Metadata may lack what the details have.
            (account({"bban": "20201555"}, iban=None, bban=None), "20201555"),
            (account({"scan": "20201555555555"}), "20201555555555"),
            (account({}, bban="20201555"), "20201555"),
            (account({"maskedPan": "4929********1234"}), "4929********1234"),
            (account({"iban": "XXXX-XXXXXX-12345"}), "XXXX-XXXXXX-12345"),
            (account({"iban": " "}), None),
            (account(None), None),
            (account([]), None),
        ],
    )
    def test_number_is_the_most_lasting_one(
        self, payload: dict[str, Any], number: str | None
    ) -> None:
        assert read_account(payload).account_number == number

    def test_one_iban_in_two_currencies_is_two_identities(self) -> None:
        pockets = [
            read_account(account({"iban": "GB33BUKB2020", "currency": code}))
            for code in ("GBP", "eur")
        ]

        assert [(p.account_number, p.currency) for p in pockets] == [
            ("GB33BUKB2020", "GBP"),
            ("GB33BUKB2020", "EUR"),
        ]

    @pytest.mark.parametrize(
        ("details", "name"),
        [
            ({"displayName": "Bills", "name": "Current"}, "Bills"),
            ({"displayName": " ", "name": "Current"}, "Current"),
            ({"product": "Gold"}, "From metadata"),
            ({"ownerAddressUnstructured": "1 High Street"}, "From metadata"),
        ],
    )
    def test_name(self, details: dict[str, Any], name: str) -> None:
        assert read_account(account(details, name="From metadata")).name == name

    def test_nameless_account_has_a_name_to_show(self) -> None:
        assert read_account(account({"product": "Gold"})).name == "Gold"
        assert read_account(account({})).name == "Account"

    @pytest.mark.parametrize(
        ("details", "is_card"),
        [
            ({"cashAccountType": "CARD"}, True),
            ({"maskedPan": "4929********1234"}, True),
            ({"cashAccountType": "CACC", "maskedPan": "4929********1234"}, False),
            ({"cashAccountType": "CACC"}, False),
            ({}, False),
        ],
    )
    def test_card(self, details: dict[str, Any], is_card: bool) -> None:
        assert read_account(account(details)).is_card is is_card

    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            ("CACC", "current"),
            ("TRAN", "current"),
            ("svgs", "savings"),
            ("CARD", "credit_card"),
            ("LOAN", "loan"),
            ("MORT", "mortgage"),
            ("OTHR", None),
            ("NEWS", None),
            (" ", None),
            (7, None),
        ],
    )
    def test_kind_is_the_banks_code_and_no_guess(self, code: Any, kind: str | None) -> None:
        assert read_account(account({"cashAccountType": code})).kind == kind

    def test_holder_and_product(self) -> None:
        facts = read_account(account({"ownerName": "Mary Byrne", "product": "Gold"}))

        assert (facts.holder, facts.product) == ("Mary Byrne", "Gold")
        assert read_account(account({}, owner_name="Mary Byrne")).holder == "Mary Byrne"
        assert read_account(account({"ownerName": ["Mary"]})).holder is None

    def test_status_is_kept_as_delivered(self) -> None:
        assert read_account(account({}, status="SUSPENDED")).status == "SUSPENDED"
        assert read_account(account({}, status=" ")).status is None


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals()
    | st.text(st.characters(), max_size=10)
    | st.sampled_from(["-12.50", "GBP", "2026-03-14", "2026-03-14T10:00:00Z", "interimBooked"])
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
amounts = st.fixed_dictionaries({}, optional={"amount": json_values, "currency": json_values})
NAMES = [
    "internalTransactionId",
    "transactionId",
    "entryReference",
    "bookingDate",
    "bookingDateTime",
    "valueDate",
    "valueDateTime",
    "creditorName",
    "debtorName",
    "creditorAccount",
    "debtorAccount",
    "remittanceInformationUnstructured",
    "remittanceInformationUnstructuredArray",
    "remittanceInformationStructured",
    "additionalInformation",
]
transactions = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(NAMES, json_values),
        "transactionAmount": amounts | json_values,
        "balanceAfterTransaction": json_values
        | st.fixed_dictionaries({"balanceAmount": amounts, "balanceType": scalars}),
    },
)


@given(payload=transactions | json_values, is_pending=st.booleans())
def test_a_row_of_any_shape_is_read_or_refused(payload: Any, is_pending: bool) -> None:
    facts = read_transaction(payload, is_pending=is_pending)

    has_all = (
        facts.amount is not None
        and facts.currency is not None
        and (is_pending or facts.booking_date is not None)
    )
    assert (facts.refusal is None) == has_all
    # The database refuses what is not finite, and a blank that should be null.
    assert facts.amount is None or facts.amount.is_finite()
    assert "" not in (facts.description, facts.counterparty_name, facts.counterparty_account)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "balanceAmount": amounts | json_values,
            "balanceType": json_values,
            "referenceDate": json_values,
        },
    )
    | json_values
)
def test_a_balance_of_any_shape_is_read(payload: Any) -> None:
    facts = read_balance(payload)

    assert facts.amount is None or facts.amount.is_finite()
    is_booked_balance(facts.balance_type)


@given(
    st.dictionaries(
        st.sampled_from(["account", "details"]),
        json_values
        | st.dictionaries(
            st.sampled_from(
                ["id", "iban", "bban", "scan", "maskedPan", "currency", "name", "cashAccountType"]
            ),
            json_values,
        ),
    )
)
def test_an_account_of_any_shape_is_read(payload: dict[str, Any]) -> None:
    facts = read_account(payload)

    assert facts.account_number != ""
    assert facts.name
