"""Names that are empty, technical or somebody else's, and texts that have them in between."""

from __future__ import annotations

from typing import Any

from sandbox.quirks.quirk import (
    NAMELESS,
    SILENT,
    Occasion,
    Quirk,
    Row,
    Told,
    digest,
    each,
    saying,
)

_FULL_LINE = 35
_MOST = 140


def _side(told: Told) -> str:
    return "creditor" if told.is_debit else "debtor"


def _structured(told: Told, _: Occasion) -> Row:
    return {
        **saying("COMPRA TARJ. 5402XXXXXXXX1234"),
        "creditorName": "",
        "debtorName": "",
        "remittanceInformationStructured": told.shown,
    }


def _additional(told: Told, occasion: Occasion) -> Row:
    listed = f"terminalId: 0042, atmPosName: {told.shown}, town: GENT"
    is_list = occasion.account.institution_id.startswith("BNP")
    return {**SILENT, "additionalInformation": listed if is_list else told.shown}


def _said(told: Told) -> str:
    about = f"CARD PAYMENT 1234 TERMINAL {digest(told.entry.internal_id)[:24].upper()}"
    return f"{about} REFERENCE {told.entry.movement.reference or 'WITHOUT REFERENCE'} PURCHASE AT"


def _only_list(told: Told, _: Occasion) -> Row:
    said = _said(told)
    whole = f"{said} {'OF GOODS AND SERVICES ' * 3}{told.shown}"
    return {
        **SILENT,
        "remittanceInformationUnstructured": whole[:_MOST],
        "remittanceInformationUnstructuredArray": [told.shown, whole],
    }


def _in_pattern(told: Told, occasion: Occasion) -> Row:
    """Write the shop as the bank does: what stands around it is the bank's."""
    match occasion.account.institution_id.split("_")[0]:
        case "VIRGIN":
            return saying(f"Card 12, {told.shown}, reference")
        case "KBC" | "CBC":
            return saying(f"{told.shown} Betaling met Bancontact 10-02-2026 om 12.40 uur")
        case "EASYBANK":
            text = f"Bezahlung Karte MC/000004321POS 77 K002 09.02. 11:15{told.shown}\\\\LINZ\\4020"
            return {**SILENT, "remittanceInformationStructured": text}
        case "BANK":
            return saying(f"POSC09FEB {told.shown}")
        case "REVOLUT":
            return saying(f"Bizum payment {'to' if told.is_debit else 'from'}: {told.shown}")
        case _:
            return saying(f"POS PURCHASE {told.shown}")


def _noisy(told: Told, occasion: Occasion) -> Row:
    institution = occasion.account.institution_id
    if institution.startswith("BANKINTER"):
        return saying(f"/Txt/D|{told.shown.replace(' ', ';')}")
    if institution.startswith("DANSKE"):
        return saying(f"{told.shown}\nEndToEndID: NOTPROVIDED")
    return saying(f"mandatereference:,creditorid:,remittanceinformation:{told.shown}")


def _ultimate(told: Told, _: Occasion) -> Row:
    side = _side(told)
    return {
        f"{side}Name": "FIRST DATA PAYMENTS",
        f"ultimate{side.capitalize()}": told.shown,
        "remittanceInformationUnstructured": "DEBITK.1 2027-12",
    }


def _escaped(told: Told, _: Occasion) -> Row:
    written = "".join(c if c.isascii() else f"\\U{ord(c):04x}" for c in told.shown)
    return saying(f"PAGAMENTO PRESSO {written}")


def _invisible(told: Told, _: Occasion) -> Row:
    odd = told.shown.replace(" ", "\u00a0\u200b")
    return {f"{_side(told)}Name": f"\u200f{odd}\u0007", "remittanceInformationUnstructured": odd}


def _entities(told: Told, _: Occasion) -> Row:
    written = told.shown.replace("&", "&amp;").replace("É", "&Eacute;")
    return {f"{_side(told)}Name": written, "remittanceInformationUnstructured": written}


def _both_sides(told: Told, occasion: Occasion) -> Row:
    owner = occasion.account.owner
    creditor, debtor = (told.shown, owner) if told.is_debit else (owner, told.shown)
    return {"creditorName": creditor, "debtorName": debtor}


def _padded(told: Told, _: Occasion) -> Row:
    """Leave the right side blank and fill the wrong one to a fixed width."""
    wrong = "debtor" if told.is_debit else "creditor"
    return {
        f"{_side(told)}Name": " " * 34,
        f"{wrong}Name": f"{told.shown:<34}",
        "remittanceInformationUnstructured": "NR 0042 KAUFUMSATZ",
    }


def _cut(told: Told, _: Occasion) -> Row:
    said = f"{_said(told)} {told.shown} End-to-End-Ref.: NOTPROVIDED"
    lines = [said[at : at + _FULL_LINE] for at in range(0, len(said), _FULL_LINE)]
    return {
        f"{_side(told)}Name": told.shown,
        "remittanceInformationUnstructured": "\n".join(lines)[:_MOST],
        "remittanceInformationUnstructuredArray": lines,
    }


def _terminal_first(told: Told, _: Occasion) -> Row:
    amount = f"{abs(told.entry.movement.amount):.2f}".replace(".", ",")
    return {
        **SILENT,
        "remittanceInformationUnstructuredArray": [
            f"POS {amount:>7} AT  D6   {told.made_on:%d.%m.} 10:27",
            told.shown,
        ],
    }


def _technical(told: Told, _: Occasion) -> Row:
    name = "CARD-1234" if told.entry.number % 2 else ""
    return {**NAMELESS, f"{_side(told)}Name": name}


_PROCESSORS = ("SUMUP  *", "CCV*", "CRV*")


def _processed(told: Told, _: Occasion) -> Row:
    processor = _PROCESSORS[told.entry.number % len(_PROCESSORS)]
    return saying(f"{processor}{told.shown}")


def _holder_last(told: Told, occasion: Occasion) -> Row:
    return saying(
        f"{told.shown} Betaling met Google Pay via Debit Mastercard {told.made_on:%d-%m-%Y} om"
        f" 12.40 uur 5127 11XX XXXX 1234 {occasion.account.owner.upper()}"
    )


def _reversal(told: Told, _: Occasion) -> Row:
    way = "CARTE" if told.is_debit else "ANN CARTE"
    written: dict[str, Any] = {
        **SILENT,
        "remittanceInformationUnstructuredArray": [f"{way} {told.made_on:%d/%m} {told.shown}"],
    }
    return written


QUIRKS = (
    Quirk(
        number="T1",
        what="names are empty; the structured remittance has them",
        rows=each(_structured, by_card=True),
    ),
    Quirk(
        number="T2",
        what="the other side is in additionalInformation, at some in a list of keys and values",
        rows=each(_additional, by_card=True),
    ),
    Quirk(
        number="T3",
        what="the text is cut after 140 characters; the array has all of it",
        rows=each(_only_list, by_card=True),
    ),
    Quirk(
        number="T4",
        what="the shop stands behind or before a pattern of the bank's",
        rows=each(_in_pattern, by_card=True),
    ),
    Quirk(
        number="T5",
        what="the text has the bank's markers in it, and labels of nothing",
        rows=each(_noisy, by_card=True),
    ),
    Quirk(
        number="T6",
        what="creditorName is the processor; the shop is the ultimate creditor",
        rows=each(_ultimate, by_card=True),
    ),
    Quirk(
        number="T7",
        what="characters are written as literal \\Uxxxx",
        rows=each(_escaped, by_card=True),
    ),
    Quirk(
        number="T8",
        what="names and texts have no-break and zero-width spaces and control characters in them",
        rows=each(_invisible, by_card=True),
    ),
    Quirk(
        number="T9",
        what="names and texts have HTML entities in them",
        rows=each(_entities, by_card=True),
    ),
    Quirk(
        number="T10",
        what="both sides are named, one of them is the account's owner",
        rows=each(_both_sides, pending=False),
    ),
    Quirk(
        number="T11",
        what="the name is on the wrong side, padded to a fixed width; the right side is blank",
        rows=each(_padded, by_card=True),
    ),
    Quirk(
        number="T12",
        what="lines are cut after 35 characters inside words, the text after 140",
        rows=each(_cut, by_card=True),
    ),
    Quirk(
        number="T13",
        what="the first line is the terminal's, the shop is in the second",
        rows=each(_terminal_first, by_card=True),
    ),
    Quirk(
        number="T14",
        what="the name is a technical id or empty; the text has the shop",
        rows=each(_technical, by_card=True),
    ),
    Quirk(
        number="T15",
        what="a payment processor stands in front of the shop",
        rows=each(_processed, by_card=True),
    ),
    Quirk(
        number="T16",
        what="the card holder's own name ends the text",
        rows=each(_holder_last, by_card=True),
    ),
    Quirk(
        number="T17",
        what="money back from a shop has a keyword in front of it",
        rows=each(_reversal, by_card=True),
    ),
)
