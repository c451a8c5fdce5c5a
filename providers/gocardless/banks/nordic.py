"""Banks of the Nordic and Baltic countries."""

from __future__ import annotations

import re

from providers.gocardless.banks.profile import (
    ONCE_BEYOND_DAYS,
    VALUE_DATE_FIRST,
    BankProfile,
    Party,
    Text,
)

# Card number, day, perhaps the time, amount and approval code, then the shop.
_CARD_PURCHASE = re.compile(
    r"^(?:PIRKUMS|PIRKINYS|OST|PURCHASE)\s+[\d*X]+\s+\d{2}\.\d{2}\.\d{2,4}(?:\s+\d{2}:\d{2})?"
    r"\s+[\d.,]+\s+[A-Z]{3}\s+\(\d+\)\s+(?P<payee>.+)",
    re.IGNORECASE,
)
_LIMITED = "more than 90 days of history can be read once, right after the consent"

NORDIC: tuple[BankProfile, ...] = (
    BankProfile(
        name="Banks on the BEC platform: Spar Nord, Lægernes Bank, Andelskassen Fælleskassen",
        institutions=(
            "SPARNORD_SPNODK22",
            "LAGERNES_BANK_LAPNDKK1",
            "ANDELSKASSEN_FALLESKASSEN_FAELDKK1",
        ),
        note="everything that is said of a row is in additionalInformation",
        sources=("T2",),
        payee=(Party.NAMED, "additionalInformation", Text.REMITTANCE),
    ),
    BankProfile(
        name="Coop Pank",
        institutions=("COOP_EKRDEE22",),
        note=_LIMITED,
        sources=("C3",),
        history_days=ONCE_BEYOND_DAYS,
    ),
    BankProfile(
        name="Danske Bank Norway",
        institutions=("DANSKEBANK_DABANO22", "DANSKEBANK_DABNO22"),
        note="valueDate of a credit is the day it is paid back; the text ends in no reference",
        sources=("D2", "T5", "M9"),
        noise=(re.compile(r"\s*EndToEndID:\s*NOTPROVIDED", re.IGNORECASE),),
        stand_in_balances=("interimavailable",),
    ),
    BankProfile(
        name="Entercard",
        institutions=("ENTERCARD_SWEDNOKK",),
        note="transactionAmount of a purchase abroad is the foreign amount; what was billed is"
        " in the text",
        sources=("M2", "D4"),
        dates=VALUE_DATE_FIRST,
        billed_in_text=re.compile(r"billingAmount:\s*(?P<amount>[+-]?[\d.]+)"),
        billed_currency="SEK",
        noise=(re.compile(r"billingAmount:\s*[+-]?[\d.]+"),),
    ),
    BankProfile(
        name="Industra",
        institutions=("INDUSTRA_*",),
        note=_LIMITED,
        sources=("C3",),
        history_days=ONCE_BEYOND_DAYS,
    ),
    BankProfile(
        name="LHV",
        institutions=("LHV_LHVBEE22",),
        note="a card payment is its card, day and time, shop and address in one text; " + _LIMITED,
        sources=("D5", "D11", "T4", "C3"),
        date_in_text=re.compile(r"^\(\.\.\d{4}\)\s+(?P<date>\d{4}-\d{2}-\d{2})"),
        payee_patterns=(
            re.compile(r"^\(\.\.\d{4}\)\s+\d{4}-\d{2}-\d{2}\s+\d{2}:\d{2}\s+(?P<payee>[^\\]+)"),
        ),
        history_days=ONCE_BEYOND_DAYS,
    ),
    BankProfile(
        name="Luminor",
        institutions=("LUMINOR_*",),
        note=_LIMITED,
        sources=("C3",),
        history_days=ONCE_BEYOND_DAYS,
    ),
    BankProfile(
        name="Norwegian",
        institutions=("NORWEGIAN_*_NORWNOK1",),
        note="valueDate of a booked row may be the first of the next month; a pending row has its"
        " day in the structured text; expected is the running balance of the card",
        sources=("D2", "P3", "M3"),
        date_in_text=re.compile(r"(?:^|\s)(?P<date>\d{4}-\d{2}-\d{2})(?:\s|$)"),
        stand_in_balances=("expected",),
    ),
    BankProfile(
        name="SEB in the Baltic countries",
        institutions=("SEB_UNLALV2X", "SEB_EEUHEE2X", "SEB_CBVILT2X"),
        note=_LIMITED,
        sources=("C3",),
        history_days=ONCE_BEYOND_DAYS,
    ),
    BankProfile(
        name="SEB cards",
        institutions=("SEB_KORT_AB_*_SKHSFI21", "SEB_CARD_ESSESESS"),
        note="purchases are positive; the running balance is made of expected and nonInvoiced, so"
        " neither is comparable with the rows",
        sources=("M1", "M3", "D4", "T2"),
        dates=VALUE_DATE_FIRST,
        is_inverted=True,
        payee=("additionalInformation", Party.NAMED, Text.REMITTANCE),
    ),
    BankProfile(
        name="SEB Sweden, private",
        institutions=("SEB_ESSESESS_PRIVATE",),
        note="the other side is in additionalInformation",
        sources=("T2",),
        payee=("additionalInformation", Party.NAMED, Text.REMITTANCE),
    ),
    BankProfile(
        name="SpareBank 1",
        institutions=("SPAREBANK1_*", "SPAREBANK_1_*"),
        note="ids are made anew, and the text has a day in front that goes once it is settled",
        sources=("I5", "P7"),
        volatile_fields=("transactionId",),
    ),
    BankProfile(
        name="Swedbank in the Baltic countries",
        institutions=("SWEDBANK_HABALV22", "SWEDBANK_HABAEE2X", "SWEDBANK_HABALT22"),
        note="the day and, while pending, the shop of a card payment are in the text, which is"
        " written otherwise once booked; " + _LIMITED,
        sources=("D5", "P6", "P7", "C3"),
        date_in_text=re.compile(
            r"^(?:PIRKUMS|PIRKINYS|OST)\s+[\d*X]+\s+(?P<date>\d{2}\.\d{2}\.\d{2,4})"
        ),
        payee_patterns=(_CARD_PURCHASE,),
        history_days=ONCE_BEYOND_DAYS,
    ),
)
