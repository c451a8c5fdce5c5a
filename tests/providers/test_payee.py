"""Who is on the other side: by name fields, by labels, and by what is around a name in a text."""

from __future__ import annotations

import time
from typing import Any

import pytest

from providers.gocardless.rows import read_transaction


def payee(
    text: str | list[str] | None, *, amount: str = "-7.30", holder: str | None = None, **names: Any
) -> str | None:
    field = "remittanceInformationUnstructured" + ("Array" if isinstance(text, list) else "")
    row = {
        "bookingDate": "2026-02-11",
        "transactionAmount": {"amount": amount, "currency": "EUR"},
        field: text,
        **names,
    }
    return read_transaction(row, is_pending=False, holder=holder).counterparty_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        # Ways of payment, in front
        ("Refund from Quay Books", "Quay Books"),
        (["eCom, Apple Pay", "Quay Books", "NR:1"], "Quay Books"),
        ("CARD PAYMENT TO QUAY BOOKS ON 03 MAR", "QUAY BOOKS"),
        ("Contactless Quay Books 11.02.2026 18:04", "Quay Books"),
        ("PRLV SEPA EAU DE VILLE", "EAU DE VILLE"),
        ("PAIEMENT CB 1002 LIBRAIRIE DU PORT", "LIBRAIRIE DU PORT"),
        ("VIR INST Luc Morel", "Luc Morel"),
        ("Überweisung an Nora Feld", "Nora Feld"),
        ("KARTENZAHLUNG PAPIERECK 2026-02-10T18:20", "PAPIERECK"),
        ("COMPRA EN LIBRERIA SOL, TARJETA 4111XXXXXXXX0042", "LIBRERIA SOL"),
        ("Compra Tarj. :*0042 LIBRERIA SOL", "LIBRERIA SOL"),
        ("PAGAMENTO POS EDICOLA DUOMO", "EDICOLA DUOMO"),
        ("KORTKÖP 260210 BOKHANDELN", "BOKHANDELN"),
        ("12.02 BRYGGA KAFE", "BRYGGA KAFE"),
        # Labels
        ("Merchant: QUAY BOOKS Card: 0042", "QUAY BOOKS"),
        ("Payment to: Ada Moss", "Ada Moss"),
        ("Naam: Bakkerij Oost BV Omschrijving: brood IBAN: NL00TEST", "Bakkerij Oost BV"),
        ("Empfänger: Nora Feld; Zweck: Miete", "Nora Feld"),
        ("/TRTP/SEPA/IBAN/NL00/NAME/J de Vries/REMI/rent/EREF/NOTPROVIDED", "J de Vries"),
        ("SVWZ+Miete ABWE+Nora Feld", "Nora Feld"),
        ("VIR SEPA RECU /DE SOCIETE DU PORT /MOTIF SALAIRE", "SOCIETE DU PORT"),
        ("Przelew na telefon OD: JAN NOWAK", "JAN NOWAK"),
        ("EREF+77 MREF+8 SVWZ+Stromabschlag", "Stromabschlag"),
        ("PIRKUMS 400000******0042 11.02.2026 7.30 EUR (778899) MAIZNICA", "MAIZNICA"),
        # Processors
        ("SUMUP  *CAFE NORD", "CAFE NORD"),
        ("PAYPAL *BIKEPARTS 4029357733", "BIKEPARTS"),
        ("CRV*Corner Shop", "Corner Shop"),
        # Terminals
        (["POS   45,13 AT  D6   31.07. 10:27", "PAPIERECK 0003"], "PAPIERECK 0003"),
        (["ATM   100,00 AT  D6   31.07. 10:27"], None),
        ("POS 45,13 PAPIERECK 0003", "PAPIERECK 0003"),
        ("(..0042) 2026-02-10 09:32 Raamat\\Pikk 9\\Tartu", "Raamat"),
        ("Karte MC/000004321POS 77 09.02. 11:15PAPIERECK\\\\LINZ", "PAPIERECK"),
        (["Betaalpas", "Bakkerij Oost,PAS07", "UTRECHT"], "Bakkerij Oost"),
        # What follows a card is its holder
        (
            "EPICERIE DU COIN Paiement par carte 10-02-2026 6703 07XX XXXX X440 MARIE PETIT",
            "EPICERIE DU COIN",
        ),
        ("Card no: xxxx xxxx xxxx 4477, LIBRARIA CENTRALA", "LIBRARIA CENTRALA"),
        # Brackets around a name that are part of it
        ("UBER *TRIP", "UBER *TRIP"),
        ("To Holiday Pot", "Holiday Pot"),
        ("Quay Books Pending", "Quay Books"),
    ],
)
def test_name_is_read_out_of_a_text(text: str | list[str], name: str | None) -> None:
    assert payee(text) == name


@pytest.mark.parametrize(
    "text",
    [
        None,
        "NOTPROVIDED",
        "n/a",
        "Invoice 4711",
        "Rechnung Nr. 2026-81",
        "4111 11XX XXXX 0042",
        "Card no: xxxxxxxxxxxx4477",
        "0042 7711",
        "Direct debit payment",
    ],
)
@pytest.mark.parametrize("amount", ["-7.30", "7.30"])
def test_what_names_nobody_is_no_payee(text: str | None, amount: str) -> None:
    assert payee(text, amount=amount) is None


def test_a_payers_own_words_with_a_number_are_no_name() -> None:
    assert payee("Flat 4 rent", amount="30.00") is None
    assert payee("Bizum de Pilar Roca", amount="30.00") == "Pilar Roca"


@pytest.mark.parametrize(
    "technical", ["CARD-0042", "Card 99", "NOTPROVIDED", "4111XXXXXXXX0042", " ", "-"]
)
def test_a_technical_name_gives_way_to_the_text(technical: str) -> None:
    assert payee("QUAY BOOKS", creditorName=technical) == "QUAY BOOKS"
    assert payee(None, creditorName=technical) is None


def test_a_name_is_written_as_a_person_would() -> None:
    assert payee(None, creditorName="Caf\\U00e9 &amp; Bar\u00a0 Nord ") == "Café & Bar Nord"
    assert payee(None, creditorName="SumUp *Cafe Nord") == "Cafe Nord"


@pytest.mark.parametrize(
    "part", ["REF 1 ", "-", "12.03 ", "1,23 EUR ", "card ", "A ", "a:", "1111XX"]
)
def test_a_text_of_any_length_is_read_in_no_time(part: str) -> None:
    before = time.process_time()
    payee(part * 2000)
    payee([part * 2000] * 3, creditorName=part * 2000)

    assert time.process_time() - before < 5


class TestHolder:
    @pytest.mark.parametrize("holder", ["Mary Byrne", "BYRNE MARY", "Mrs Mary Byrne"])
    def test_the_holder_is_never_the_payee(self, holder: str) -> None:
        assert payee("Savings", creditorName="Mary Byrne", holder=holder) == "Savings"
        assert payee(None, creditorName="Mary Byrne", holder=holder) is None

    def test_the_holder_on_the_near_side_does_not_hide_the_other(self) -> None:
        names = {"debtorName": "Mary Byrne", "creditorName": "Isle Energy"}

        assert payee(None, amount="9.00", holder="Mary Byrne", **names) == "Isle Energy"

    def test_another_person_of_the_same_family_is(self) -> None:
        assert payee(None, creditorName="Tom Byrne", holder="Mary Byrne") == "Tom Byrne"
