"""Banks of Germany and Austria."""

from __future__ import annotations

import dataclasses
import re

from providers.gocardless.banks.profile import BankProfile, Party, Text

_SAVINGS_BANKS = BankProfile(
    name="Savings banks",
    institutions=("*SPARKASSE*", "SPK_*", "SSK_*", "KSK_*", "BSK_*"),
    note="creditorName may be the processor; the shop is the ultimate creditor",
    sources=("T6",),
    payee=(Party.ULTIMATE, Party.NAMED, Text.REMITTANCE),
)

GERMAN: tuple[BankProfile, ...] = (
    BankProfile(
        name="1822direkt",
        institutions=("DIREKT_HELADEF1822",),
        note="names are empty; the structured remittance has them",
        sources=("T1",),
        payee=(Party.NAMED, "remittanceInformationStructured", Text.REMITTANCE),
    ),
    dataclasses.replace(
        _SAVINGS_BANKS,
        name="Berliner Sparkasse",
        institutions=("BERLINER_SPARKASSE_BELADEBEXXX",),
    ),
    BankProfile(
        name="Commerzbank",
        institutions=("COMMERZBANK_COBADEFF",),
        note="lines are cut after 35 characters inside words, and the text after 140",
        sources=("T3", "T12", "M10"),
    ),
    BankProfile(
        name="easybank",
        institutions=("EASYBANK_BAWAATWW",),
        note="the shop follows the time of a card payment without a space, and ends at a backslash",
        sources=("T4", "D8"),
        payee_patterns=(
            re.compile(
                r"^Bezahlung Karte\b.*?\d{1,2}\.\d{1,2}\.\s*\d{1,2}:\d{2}\s*(?P<payee>[^\\]+)",
                re.IGNORECASE,
            ),
        ),
    ),
    BankProfile(
        name="Erste Bank",
        institutions=("ERSTE_*_GIBAATWW*", "ERSTE_*_GIBAATWG*", "ERSTE_BANK_*"),
        note="the day of a pending row is the last on which it may be booked",
        sources=("P4",),
        has_pending_dates=False,
    ),
    BankProfile(
        name="ING Germany",
        institutions=("ING_INGDDEFF",),
        note="names are padded with spaces, or stand on the wrong side; the text is behind empty"
        " labels",
        sources=("T5", "T11"),
        noise=(re.compile(r"\b(?:mandatereference|creditorid):,|\bremittanceinformation:"),),
    ),
    dataclasses.replace(
        _SAVINGS_BANKS,
        name="Sparkasse Karlsruhe",
        institutions=("SPK_KARLSRUHE_KARSDE66", "SPK_KARLSRUHE_KARSDE66XXX"),
    ),
    dataclasses.replace(
        _SAVINGS_BANKS,
        name="Stadtsparkasse Düsseldorf",
        institutions=("SSK_DUSSELDORF_DUSSDEDDXXX",),
        note="pending rows have placeholders for names and texts, and may never be booked;"
        " the shop is the ultimate creditor",
        sources=("P2", "T6"),
        has_pending_names=False,
    ),
    _SAVINGS_BANKS,
)
