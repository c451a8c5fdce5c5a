"""Banks of the United Kingdom and Ireland."""

from __future__ import annotations

import re

from providers.gocardless.banks.profile import ONCE_BEYOND_DAYS, BankProfile

BRITISH: tuple[BankProfile, ...] = (
    BankProfile(
        name="Bank of Ireland",
        institutions=("BANK_OF_IRELAND_B365_BOFIIE2D", "BANK_OF_IRELAND_*"),
        note="the text has the day glued to the way of payment in front of the shop, and the scheme"
        " behind it",
        sources=("T4", "T15"),
        noise=(
            re.compile(r"^(?:POS)?C?\d{1,2}[A-Z]{3}(?=\s)", re.IGNORECASE),
            re.compile(r"\s*\bSEPA DD$", re.IGNORECASE),
            re.compile(r"^365 online\s*", re.IGNORECASE),
        ),
    ),
    BankProfile(
        name="HSBC UK",
        institutions=("HSBC_HBUKGB4B", "HSBC_*_HBUKGB4B", "HSBC_*_GB"),
        note="interimAvailable of a card is the credit that is left; interimBooked is what counts",
        sources=("M3",),
    ),
    BankProfile(
        name="Nationwide",
        institutions=("NATIONWIDE_NAIAGB21",),
        note="ids of other lengths than 32 and 40 change when a row is booked; the day of a pending"
        " row is the last on which it may be booked",
        sources=("I4", "P4", "D9"),
        placeholder_id=re.compile(r"00(?:DEB|CRED)IT.*|(?!.{32}$|.{40}$).*", re.DOTALL),
        has_pending_dates=False,
    ),
    BankProfile(
        name="Starling",
        institutions=("STARLING_SRLGGB3L",),
        note="goes back 90 days and no further",
        sources=("C3",),
        history_days=ONCE_BEYOND_DAYS,
    ),
    BankProfile(
        name="The Co-operative Bank",
        institutions=("*_CPBKGB22",),
        note="transactionId repeats on different rows; 9998 is one of those",
        sources=("I6",),
        shared_ids=("transactionId",),
        placeholder_id=re.compile(r"9998"),
    ),
    BankProfile(
        name="Virgin Money",
        institutions=("VIRGIN_NRNBGB22",),
        note="the text is the way, the other side and the reference, with commas in between",
        sources=("T4", "D9"),
        payee_patterns=(
            re.compile(r"^(?:MOB|FPS|(?:Card|WLT)\s+\d+),\s*(?P<payee>[^,]+)", re.IGNORECASE),
            re.compile(r"^(?P<payee>[^,]+)$"),
        ),
    ),
)
