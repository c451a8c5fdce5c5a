"""Invented banks, and how each words a payment in its language.

A template is filled with: ``who`` (as the merchant writes itself), ``town``, ``ref`` (letters and
digits, one a contract), ``run`` (digits, another each time), ``day`` and ``card``. What stands
before ``|`` is the counterparty, and what is after it the description.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Bank:
    """How a bank words payments.

    :param words: templates by way of paying: card, debit, order, credit, cash, fee, interest.
    :param names: how often the counterparty is given where the template has one.
    :param lag: most days from a card payment to its booking.
    :param weekends: whether it books on them.
    """

    name: str
    currency: str
    towns: tuple[str, ...]
    words: Mapping[str, tuple[str, ...]]
    names: float = 1.0
    lag: int = 0
    weekends: bool = False


BANKS = (
    Bank(
        "Nordelbe",
        "EUR",
        ("LUEBECK", "KIEL", "HAMBURG"),
        {
            "card": ("|KARTENZAHLUNG {who} {town} DE {day:%d.%m.%Y} KFN {card} AV {run}",),
            "debit": ("{who}|FOLGELASTSCHRIFT {who} MANDAT {ref} EREF {run}",),
            "order": ("{who}|DAUERAUFTRAG {who} SVWZ {note}",),
            "credit": ("{who}|GUTSCHRIFT {who} EREF {run}",),
            "cash": ("|BARGELDAUSZAHLUNG {town} {day:%d.%m} KFN {card}",),
            "fee": ("|ENTGELT KONTOFUEHRUNG",),
            "interest": ("|ABSCHLUSS ZINSEN",),
        },
        names=0.5,
        lag=2,
    ),
    Bank(
        "Banque du Marais",
        "EUR",
        ("NANTES", "RENNES", "ANGERS"),
        {
            "card": ("|PAIEMENT CB {day:%d%m%y} {who} {town} CARTE {card}",),
            "debit": ("|PRLV SEPA {who} ID {ref} REF {run}", "{who}|PRLV SEPA {who} MDT {ref}"),
            "order": ("|VIR PERMANENT POUR {who} MOTIF {note}",),
            "credit": ("|VIR SEPA RECU DE {who} REF {run}",),
            "cash": ("|RETRAIT DAB {day:%d%m%y} {town} CARTE {card}",),
            "fee": ("|COTISATION OFFRE COMPTE",),
            "interest": ("|INTERETS CREDITEURS",),
        },
        lag=3,
    ),
    Bank(
        "Polderbank",
        "EUR",
        ("UTRECHT", "ZWOLLE", "GOUDA"),
        {
            "card": ("|BEA NR:{run} {day:%d.%m.%y}/14.22 {who},PAS{card} {town}",),
            "debit": (
                "{who}|SEPA INCASSO ALGEMEEN DOORLOPEND {who} MACHTIGING {ref} KENMERK {run}",
            ),
            "order": ("{who}|SEPA PERIODIEKE OVERB. {who} OMSCHRIJVING {note}",),
            "credit": ("{who}|SEPA OVERBOEKING {who} KENMERK {run}",),
            "cash": ("|GEA NR:{run} GELDAUTOMAAT {town},PAS{card}",),
            "fee": ("|KOSTEN BETAALPAKKET",),
            "interest": ("|CREDITRENTE",),
        },
        names=0.8,
        weekends=True,
    ),
    Bank(
        "Caja Serrana",
        "EUR",
        ("SORIA", "BURGOS", "LEON"),
        {
            "card": ("|COMPRA TARJ. {card}XXXX {who}-{town}",),
            "debit": ("|RECIBO {who} NO RECIBO {run} REF. MANDATO {ref}",),
            "order": ("|TRANSFERENCIA PERIODICA A FAVOR DE {who} CONCEPTO {note}",),
            "credit": ("|TRANSFERENCIA DE {who} CONCEPTO NOMINA {run}",),
            "cash": ("|DISPOSICION EFECTIVO CAJERO {town} {card}",),
            "fee": ("|COMISION MANTENIMIENTO",),
            "interest": ("|ABONO INTERESES",),
        },
        lag=1,
    ),
    Bank(
        "Bank Wislany",
        "PLN",
        ("TORUN", "PLOCK", "GDANSK"),
        {
            "card": ("|DOP. MC {card} PLATNOSC KARTA {day:%Y-%m-%d} {who} {town}",),
            "debit": ("{who}|POLECENIE ZAPLATY {who} NR {run}",),
            "order": ("{who}|ZLECENIE STALE {who} TYT. {note}",),
            "credit": ("{who}|PRZELEW PRZYCHODZACY {who} TYT. {run}",),
            "cash": ("|WYPLATA BANKOMAT {town} {card}",),
            "fee": ("|OPLATA ZA PROWADZENIE RACHUNKU",),
            "interest": ("|KAPITALIZACJA ODSETEK",),
        },
        names=0.6,
        lag=2,
    ),
    Bank(
        "Great Plains Credit Union",
        "USD",
        ("OMAHA NE", "TULSA OK", "FARGO ND"),
        {
            "card": (
                "|POS PURCHASE {day:%m/%d} {who} {town} CARD {card}",
                "|RECURRING PURCHASE {day:%m/%d} {who} {town} CARD {card}",
            ),
            "debit": ("|ACH WEB-RECUR {who} PPD ID {run}",),
            "order": ("|BILL PAY {who} ON-LINE CONF {run}",),
            "credit": ("|ACH DEPOSIT {who} PPD ID {ref}",),
            "cash": ("|ATM WITHDRAWAL {day:%m/%d} {town} CARD {card}",),
            "fee": ("|MONTHLY SERVICE FEE",),
            "interest": ("|DIVIDEND EARNED",),
        },
        lag=1,
        weekends=True,
    ),
    Bank(
        "Fenwick Mutual",
        "GBP",
        ("ALNWICK", "BERWICK", "HEXHAM"),
        {
            "card": ("{who}|{who} {town} GB VIA MOBILE-PYMT {card}", "|{who} {town} CD {card}"),
            "debit": ("{who}|{who} {ref}", "|{who} D/D {ref}"),
            "order": ("{who}|STORDER {note} {who}",),
            "credit": ("{who}|{who} {run} BANK GIRO",),
            "cash": ("|CASHPOINT {town} {day:%d%b} {card}",),
            "fee": ("|ACCOUNT FEE",),
            "interest": ("|GROSS INTEREST",),
        },
        names=0.7,
        weekends=True,
    ),
    Bank(
        "Sparfjord",
        "SEK",
        ("UMEA", "LULEA", "KALMAR"),
        {
            "card": ("|KORTKOP {day:%y%m%d} {who} {town} {run}",),
            "debit": ("|AUTOGIRO {who}",),
            "order": ("|STAENDE OVERFORING {who} {note}",),
            "credit": ("|INSATTNING {who} {run}",),
            "cash": ("|UTTAG BANKOMAT {town} {run}",),
            "fee": ("|AVGIFT KORT",),
            "interest": ("|RANTA",),
        },
        lag=3,
    ),
)
