"""Banks and card issuers of more than one country, and GoCardless's own sandbox."""

from __future__ import annotations

import re

from providers.gocardless.banks.profile import BankProfile

WORLDWIDE: tuple[BankProfile, ...] = (
    BankProfile(
        name="American Express",
        institutions=("AMERICAN_EXPRESS_*",),
        note="the one balance is called information and may come twice; the IBAN is a masked card"
        " number",
        sources=("M4", "S3"),
        stand_in_balances=("information",),
    ),
    BankProfile(
        name="GoCardless sandbox",
        institutions=("SANDBOXFINANCE_SFIN0000",),
        note="transactionId repeats on different rows; there is no booked balance beside expected"
        " and interimAvailable, which are the same figure",
        sources=("I6", "1.10"),
        shared_ids=("transactionId", "entryReference"),
        stand_in_balances=("expected", "interimavailable"),
    ),
    BankProfile(
        name="N26",
        institutions=("N26_*",),
        note="every space is an account of its own; a period that is too long is refused",
        sources=("S5", "C13"),
    ),
    BankProfile(
        name="Revolut",
        institutions=("REVOLUT_*",),
        note="accounts of several currencies share an IBAN; the name of a Bizum is in the text",
        sources=("S4", "M8", "T4"),
        payee_patterns=(re.compile(r"^Bizum payment (?:from|to):\s*(?P<payee>.+)", re.IGNORECASE),),
    ),
    BankProfile(
        name="Wise",
        institutions=("WISE_*", "TRANSFERWISE_*"),
        note="a payment and its fee share one entryReference; the text is a sentence",
        sources=("I9",),
        shared_ids=("entryReference",),
        payee_patterns=(
            re.compile(r"^Card transaction of .+? issued by (?P<payee>.+)"),
            re.compile(
                r"^(?:Sent|Received) money (?:to|from) (?P<payee>.+?)(?: with reference .*)?$"
            ),
        ),
    ),
)
