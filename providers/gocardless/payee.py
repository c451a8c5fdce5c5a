"""Who is on the other side of a row, as a person would name them.

A bank's own name fields come first; where they are empty or technical, the name is read out of the
text: by the bank's own patterns, by labels, and by what payment systems put around a name. None of
it knows a merchant. What is certainly no name (a card, a reference, a terminal) names nobody.
"""

from __future__ import annotations

import re
from typing import Any

from providers.gocardless.banks import BankProfile, Party, Text
from providers.gocardless.remittance import readable
from providers.gocardless.wording import LABELS, PREPOSITIONS, PROCESSORS, REFERENCES, WAYS
from providers.text import text


def _any(words: tuple[str, ...]) -> str:
    return "|".join(words).replace(" ?", r"\s*").replace(" ", r"\s+")


_PLACEHOLDERS = frozenset(
    {
        "",
        "notprovided",
        "notavailable",
        "notapplicable",
        "na",
        "none",
        "null",
        "unknown",
        "undefined",
    }
)
_CARD = r"(?:\d[\d ]{3,}|\d*[xX*•.]{2,}[\dxX*• ]*\d{2,4}|[xX*•]{4,}\d*)"
_DEVICE = r"(?:card|karte|carte|kaart|tarjeta|carta|pos|atm|terminal)"
_TECHNICAL_NAME = re.compile(rf"{_DEVICE}[\s:#/-]*\d+|{_DEVICE}?[\s:#/-]*{_CARD}", re.IGNORECASE)
_DATE = (
    r"(?:\d{4}-\d{2}-\d{2}(?:T[\d:.]+Z?)?|\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})?(?!\d)|\d{1,2}/\d{1,2}(?![\d/])"
    r"|\d{1,2}[ -]?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*(?:[ -]?\d{2,4})?\b)"
)
_TIME = r"(?:\d{1,2}:\d{2}(?::\d{2})?)"
_AMOUNT = r"(?:[-+]?\d{1,3}(?:[., ]\d{3})*[.,]\d{2})"
_CURRENCY = r"(?:[A-Z]{3}|[€£$])"

# A terminal's own line: what, how much and when, and no shop.
_TERMINAL_LINE = re.compile(
    rf"(?:pos|atm|bankomat|terminal|kassa|gaa|auszahlung|abhebung|bargeld\w*|retrait|prelievo"
    rf"|geldopname|(?:cash )?withdrawal|wyp[lł]ata)\b.*\b{_TIME}\.?$",
    re.IGNORECASE,
)

_MEASURED_LINE = re.compile(
    rf"[^\W\d_]+(?:-[^\W\d_]+)?\s+{_AMOUNT}(?:\s+[A-Z]\w{{0,2}})*\s+{_DATE}\s*{_TIME}\.?"
)

# Who passes payments on to the shop whose name follows.
_PROCESSOR = re.compile(rf"^(?:{_any(PROCESSORS)})\s*\*+\s*", re.IGNORECASE)
_WAY = re.compile(rf"^(?:{_any(WAYS)})(?=[\s:*/,-]|$)[\s:*/,-]*", re.IGNORECASE)
_ONLY_WAYS = re.compile(rf"(?:(?:{_any(WAYS)})[\s,.:/-]*)*", re.IGNORECASE)
_PREPOSITION = re.compile(rf"^(?:{_any(PREPOSITIONS)})[\s:]+(?=\S)", re.IGNORECASE)
# Alone it counts before a capital: "To Savings", not "to be paid".
_LONE_PREPOSITION = re.compile(r"^(?:To|From|TO|FROM)\s+(?=[A-Z])")
_LABELLED = re.compile(rf"(?:^|[\s,;/|(])(?:{_any(LABELS)})\s*:\s*(?P<payee>[^;|]+)", re.IGNORECASE)
# The next label of a text that is all labels ends a value.
_NEXT_LABEL = re.compile(r"\s+[^\W\d_][\w.'/-]*\s*:(?:\s|$)|\s*/[A-Z]{3,5}/|\s{2,}")
# Keys of structured remittance, German and Dutch: who it is really for, or what it is about.
_SEPA_NAME = re.compile(
    r"(?:/NAME/|/(?:DE|BEN)\s|\bABW[AE]\+)(?P<payee>[^/+]+?)(?=/|\b[A-Z]{4}\+|$)"
)
_SEPA_PURPOSE = re.compile(r"(?:\bSVWZ\+|/REMI/)(?P<payee>.+?)(?=\b[A-Z]{4}\+|/[A-Z]{4}/|$)")
# An amount with its currency and an approval code stand right in front of the shop.
_APPROVED = re.compile(rf"{_AMOUNT}\s+{_CURRENCY}\s+\(\w+\)\s+(?P<payee>.+)$")

_MASK = (
    r"\b(?:card(?: no\.?| number)?|karte(?:nnr\.?)?|carte|kaart(?:nr\.?)?|tarjeta)?[\s:.]*"
    r"(?:\d{4}[ -]?\d{0,2}[xX*•]{2,}|[xX*•]{4,})[\dxX*• -]*"
)
_MASKED = re.compile(_MASK, re.IGNORECASE)
# Between the shop and a card, banks write how the card was used.
_USED = re.compile(
    r"\s(?:betaling met|paiement|pago con|payment (?:by|with)|zahlung mit|pagamento con)\b.*$",
    re.IGNORECASE,
)
# A time without a space behind it: what stands in front is the terminal's.
_GLUED = re.compile(rf"^.*{_DATE}\s*{_TIME}(?=[^\W\d_]{{2}})")
_LEADING = re.compile(
    rf"^(?:[\s,;:/|()*#.-]|{_DATE}|{_TIME}|{_AMOUNT}(?:\s+{_CURRENCY}\b)?|(?:du|le|on|am|op|el|il|den)"
    rf"\s+(?={_DATE}|\d{{6}}\b)|[xX*•.]{{2,}}\d{{2,4}}|\d{{4,}}\b|(?:nr|no|ref)[.:]+\s*\w+)+",
    re.IGNORECASE,
)
_TRAILING = re.compile(
    rf"(?:[\s,;:/|(*#-]|\b(?:on|du|le|am|op|el|den|à|at|um|om)\s*(?={_DATE}|{_TIME})|{_DATE}|{_TIME}"
    rf"|\b{_CURRENCY}\s+(?={_AMOUNT})|{_AMOUNT}(?:\s*{_CURRENCY}\b)?|\bpending$|\bsepa dd$"
    rf"|,\s*pas\s*\d+$|\s\d{{6,}}$|\b(?:(?:ref|auth)[.:\s]|(?:nr|no)[.:])+\s*\w*\d\w*$)+$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_REFERENCE = re.compile(
    rf"^(?:(?:(?:{_any(REFERENCES)})\b[\s.:#+/-]*)+[\w/.-]*\d[\w/.-]*\s*)+$"
    r"|^[\w/+-]*\d{4}[\w/+-]*$",
    re.IGNORECASE,
)
_LONGEST_NAME = 70
# The longest text that the API documents; a name that begins behind it would not be one, and to
# look for it in any length of text would take any length of time.
_LONGEST_TEXT = 512


def payee(
    row: dict[str, Any],
    lines: list[str],
    profile: BankProfile,
    *,
    is_debit: bool,
    is_pending: bool,
    holder: str | None,
) -> str | None:
    """Return the name of the other side, or None if there is none to name.

    :param lines: of its remittance.
    :param is_debit: whether money goes out.
    :param holder: the account's own holder, who is never the other side; None where not known.
    """
    if is_pending and not profile.has_pending_names:
        return None
    lines = [line[:_LONGEST_TEXT] for line in lines]
    for source in profile.payee:
        if source is Text.REMITTANCE:
            candidates = [_from_text(row, lines, profile, is_debit=is_debit)]
        else:
            candidates = [readable(row.get(field)) for field in _fields(source, is_debit=is_debit)]
            if source not in (Party.NAMED, Party.ULTIMATE):
                candidates = [_from_line(n[:_LONGEST_TEXT], profile) for n in candidates if n]
        for name in candidates:
            if name and is_name(name) and not _same(name, holder):
                return _plain(name, profile)
    return None


def is_name(name: str) -> bool:
    """Tell a name from a placeholder, a card number and a reference."""
    if re.sub(r"[\W_]+", "", name).casefold() in _PLACEHOLDERS:
        return False
    return not (_TECHNICAL_NAME.fullmatch(name) or name.isdigit())


def near_side(*, is_debit: bool) -> tuple[str, str]:
    """Return the side that the other party is documented on, and the one some banks write it on."""
    return ("creditor", "debtor") if is_debit else ("debtor", "creditor")


def _fields(source: str, *, is_debit: bool) -> tuple[str, ...]:
    near, far = near_side(is_debit=is_debit)
    if source is Party.NAMED:
        return (f"{near}Name", f"{far}Name")
    if source is Party.ULTIMATE:
        return (f"ultimate{near.capitalize()}",)
    return (source,)


def _from_text(
    row: dict[str, Any], lines: list[str], profile: BankProfile, *, is_debit: bool
) -> str | None:
    for pattern in profile.payee_patterns:
        further = readable(row.get("additionalInformation")) or ""
        for line in (*lines, " ".join(lines), further):
            if (found := pattern.search(line[:_LONGEST_TEXT])) and (name := _found(found)):
                return name
    for line in lines:
        if name := _labelled(line):
            return name
    for line in lines:
        name = _from_line(line, profile)
        # What a payer writes about money that comes in is seldom a name; a shop's text is.
        if name and is_name(name) and (is_debit or not re.search(r"\d", line) or name != line):
            return name
    return None


def _labelled(line: str) -> str | None:
    for pattern in (_SEPA_NAME, _LABELLED, _APPROVED):
        if found := pattern.search(line):
            value = _NEXT_LABEL.split(found["payee"], maxsplit=1)[0]
            if (name := _trimmed(value)) and is_name(name):
                return name
    return None


def _from_line(line: str, profile: BankProfile) -> str | None:
    """Return the name in a line that may have a way of payment, a card and a day around it."""
    for pattern in profile.payee_patterns:
        if found := pattern.search(line):
            return _found(found)
    if _TERMINAL_LINE.match(line) or _MEASURED_LINE.fullmatch(line):
        return None
    if found := _SEPA_PURPOSE.search(line):
        line = found["payee"]
    name = _trimmed(line.partition("\\")[0])
    if name is None or len(name) > _LONGEST_NAME or _REFERENCE.match(name):
        return None
    return name


def _found(match: re.Match[str]) -> str | None:
    """Return what a bank's own pattern found, which has no way of payment around it."""
    return text(_shortened(_PROCESSOR, _shortened(_TRAILING, match["payee"].strip())))


def _trimmed(line: str) -> str | None:
    """Take away from both ends what is not a name, until nothing more goes."""
    name, before = _around_card(_GLUED.sub("", line)), ""
    if _ONLY_WAYS.fullmatch(name):
        return None
    while name != before:
        before = name
        for around in (_LEADING, _WAY, _TRAILING, _PROCESSOR, _LONE_PREPOSITION):
            name = _shortened(around, name)
        if _WAY.match(before):
            name = _shortened(_PREPOSITION, name)
    return text(name) if _WORD.search(name) else None


def _around_card(line: str) -> str:
    """Return what stands in front of a masked card number, or behind it if nothing does.

    What follows a card is its holder's name more often than not.
    """
    found = _MASKED.search(line)
    if found is None:
        return line
    before = _USED.sub("", line[: found.start()])
    return before if _WORD.search(before) else line[found.end() :]


def _shortened(around: re.Pattern[str], name: str) -> str:
    """Cut, unless nothing would be left that can be read."""
    rest = around.sub("", name, count=1).strip()
    return rest if _WORD.search(rest) else name


def _plain(name: str, profile: BankProfile) -> str | None:
    for pattern in profile.noise:
        name = pattern.sub(" ", name)
    return text(_shortened(_PROCESSOR, name.strip()))


def _same(name: str, holder: str | None) -> bool:
    """Tell whether two names are one person's, in whatever order and case."""
    if holder is None:
        return False
    titles = {"mr", "mrs", "ms", "miss", "dr", "herr", "frau", "and", "und", "or", "oder"}
    parts = set(re.findall(r"\w+", name.casefold())) - titles
    return bool(parts) and parts == set(re.findall(r"\w+", holder.casefold())) - titles
