"""Banks of France, Greece, Italy and Spain, and of Poland and Romania."""

from __future__ import annotations

import re

from providers.gocardless.banks.profile import (
    ONCE_BEYOND_DAYS,
    VALUE_DATE_FIRST,
    BankProfile,
    Party,
    Text,
)

_LIMITED = "more than 90 days of history can be read once, right after the consent"
# ANN CARTE is a card payment that was taken back: money from the shop.
_FRENCH_WAY = re.compile(
    r"^(?:VIR(?:\s+INST)?|PRLV|(?:ANN\s+)?CARTE(?:\s+\d{2}/\d{2}(?:/\d{2})?)?)\s+(?P<payee>.+)"
)

SOUTHERN: tuple[BankProfile, ...] = (
    BankProfile(
        name="Abanca",
        institutions=("ABANCA_CAGLESMM", "ABANCA_CORPORATE_CAGLESMM"),
        note="names are empty, the structured remittance has them; a long history asks the user for"
        " a code by text message",
        sources=("T1", "C3"),
        payee=("remittanceInformationStructured", Party.NAMED, Text.REMITTANCE),
        history_days=ONCE_BEYOND_DAYS,
    ),
    BankProfile(
        name="Banco Sabadell",
        institutions=("BANCSABADELL_BSABESBB", "BANCSABADELL_BSABESBBB"),
        note="only the remittance lines are filled",
        sources=("T3", "M10"),
    ),
    BankProfile(
        name="Bankinter",
        institutions=("BANKINTER_BKBKESMM",),
        note="text has /Txt/ and semicolons where spaces belong; one account a consent; "
        + _LIMITED,
        sources=("T5", "C3", "C5"),
        noise=(re.compile(r"/Txt/(?:\w\|)?", re.IGNORECASE), re.compile(r";")),
        history_days=ONCE_BEYOND_DAYS,
        accounts_per_consent=1,
    ),
    BankProfile(
        name="Boursorama",
        institutions=("BOURSORAMA_BOUSFRPP*",),
        note="only the remittance lines are filled: the way and its day, then the other side",
        sources=("T3",),
        payee_patterns=(_FRENCH_WAY,),
    ),
    BankProfile(
        name="BRED",
        institutions=("BRED_*",),
        note=_LIMITED,
        sources=("C3",),
        history_days=ONCE_BEYOND_DAYS,
    ),
    BankProfile(
        name="Fortuneo",
        institutions=("FORTUNEO_FTNOFRP1XXX",),
        note="only the remittance lines are filled: the way and its day, then the other side",
        sources=("D1", "T3", "T17", "M10"),
        payee_patterns=(_FRENCH_WAY,),
    ),
    BankProfile(
        name="Hype",
        institutions=("HYPE_HYEEIT22",),
        note="text is a sentence about the payment, with characters written as \\Uxxxx; rows appear"
        " weeks late",
        sources=("T7", "C10"),
        payee_patterns=(
            re.compile(r"^PAGAMENTO PRESSO (?P<payee>.+)", re.IGNORECASE),
            re.compile(
                r"^(?:DENARO|HAI) (?:INVIATO|RICEVUTO)(?: UN BONIFICO)? (?:A|DA) (?P<payee>.+?)"
                r"(?: - |$)",
                re.IGNORECASE,
            ),
        ),
    ),
    BankProfile(
        name="ING Poland",
        institutions=("ING_PL_INGBPLPW",),
        note="valueDate is the better day; running balances need not agree with the rows",
        sources=("D4", "D8", "M14"),
        dates=VALUE_DATE_FIRST,
    ),
    BankProfile(
        name="ING Romania",
        institutions=("ING_INGBROBU",),
        note="every card payment has the id NOTPROVIDED; the card is masked otherwise once booked;"
        " expected is the running balance",
        sources=("I3", "P7", "M9"),
        placeholder_id=re.compile(r"NOTPROVIDED"),
        stand_in_balances=("expected",),
    ),
    BankProfile(
        name="isybank",
        institutions=("ISYBANK_ITBBITMM",),
        note="valueDate is the better day",
        sources=("D4",),
        dates=VALUE_DATE_FIRST,
    ),
    BankProfile(
        name="Laboral Kutxa",
        institutions=("LABORALKUTXA_*", "LABORAL_KUTXA_*"),
        note=_LIMITED,
        sources=("C3",),
        history_days=ONCE_BEYOND_DAYS,
    ),
    BankProfile(
        name="mBank",
        institutions=("MBANK_RETAIL_BREXPLPW",),
        note="inside a day the number of the transactionId is the order",
        sources=("D8",),
    ),
    BankProfile(
        name="National Bank of Greece",
        institutions=("NBG_ETHNGRAAXXX",),
        note="a pending purchase lacks its minus sign and has a word in front until booked",
        sources=("P5", "P7", "M9"),
        unsigned_purchase=re.compile(r"^ΑΓΟΡΑ\s"),
        noise=(re.compile(r"^ΑΓΟΡΑ\s+"),),
        stand_in_balances=("interimavailable",),
    ),
)
