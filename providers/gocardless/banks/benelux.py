"""Banks of Belgium, the Netherlands and Luxembourg."""

from __future__ import annotations

import re

from providers.gocardless.banks.profile import BankProfile

# The shop stands in front of the way it was paid; what follows ends in the card holder's own name.
_BEFORE_THE_WAY = re.compile(
    r"^(?P<payee>.+?)\s+(?:betaling (?:met|via)|domicili[eë]ring|overschrijving"
    r"|doorlopende opdracht|terugbetaling|paiement|domiciliation|virement|ordre permanent"
    r"|remboursement)\b",
    re.IGNORECASE,
)

BENELUX: tuple[BankProfile, ...] = (
    BankProfile(
        name="ABN AMRO",
        institutions=("ABNAMRO_ABNANL2A",),
        note="only the remittance lines are filled: the way, then shop and card, then the town; the"
        " purchase is in valueDateTime",
        sources=("D1", "T3", "T15"),
        payee_patterns=(
            re.compile(r"^(?P<payee>[^,]+),\s*PAS\s*\d+", re.IGNORECASE),
            re.compile(r"/NAME/(?P<payee>[^/]+)", re.IGNORECASE),
        ),
    ),
    BankProfile(
        name="Belfius",
        institutions=("BELFIUS_GKCCBEBB",),
        note="repeats one transactionId on different rows",
        sources=("I6",),
        shared_ids=("transactionId",),
    ),
    BankProfile(
        name="BNP Paribas Fortis, Fintro, Hello bank!",
        institutions=("BNP_BE_GEBABEBB", "FINTRO_BE_GEBABEBB", "HELLO_BE_GEBABEBB"),
        note="the shop is in a list of keys and values in additionalInformation",
        sources=("T2",),
        payee_patterns=(
            re.compile(r"atmPosName:\s*(?P<payee>[^,\[\]]+)"),
            re.compile(r"narrative:\s*\[\s*'(?P<payee>[^']+)'"),
        ),
    ),
    BankProfile(
        name="CBC",
        institutions=("CBC_CREGBEBB",),
        note="the text begins with the shop and ends with the card holder's own name",
        sources=("T4", "T16"),
        payee_patterns=(_BEFORE_THE_WAY,),
    ),
    BankProfile(
        name="KBC",
        institutions=("KBC_KREDBEBB", "KBC_BRUSSELS_KREDBEBB"),
        note="the text begins with the shop and ends with the card holder's own name",
        sources=("T4", "T16"),
        payee_patterns=(_BEFORE_THE_WAY,),
    ),
)
