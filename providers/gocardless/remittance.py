"""What a bank writes about a row, put together again out of the fields and lines it came in.

Banks cut texts into lines inside words, stop one field where another goes on, escape characters
twice, and write labels with nothing behind them.
"""

from __future__ import annotations

import html
import re
from typing import Any

from providers.gocardless.banks import BankProfile
from providers.text import text

UNSTRUCTURED = ("remittanceInformationUnstructured", "remittanceInformationUnstructuredArray")
STRUCTURED = ("remittanceInformationStructured", "remittanceInformationStructuredArray")
ADDITIONAL = ("additionalInformation",)
_NAMES = ("creditorName", "debtorName", "ultimateCreditor", "ultimateDebtor")

# Lines of SEPA payments are 35 characters long, and end there in the middle of a word.
_FULL_LINE = 35
_ESCAPED = re.compile(r"(?:\\[uU][0-9a-fA-F]{4})+")
_NOT_PROVIDED = r"(?:NOT\s?PROVIDED|NICHT ANGEGEBEN)"
# A label of a reference with nothing, or a word for nothing, behind it.
_EMPTY_LABEL = re.compile(
    rf"(?:\b(?:End[- ]?to[- ]?End[- ]?(?:Ref(?:erence|erenz)?|Id)\.?|EREF|KREF|MREF)\s*[:+]"
    rf"|/EREF/)\s*{_NOT_PROVIDED}\b",
    re.IGNORECASE,
)


def readable(value: Any) -> str | None:
    """Return one text as a person would write it: entities and escapes resolved, spaces single."""
    if not isinstance(value, str):
        return None
    if "&" in value:
        value = html.unescape(value)
    if "\\" in value:
        value = _ESCAPED.sub(_unescape, value)
    return text(value)


def remittance_lines(row: dict[str, Any], profile: BankProfile) -> list[str]:
    """Return what is said of the payment line by line, without what the bank is known to clutter.

    The unstructured fields count, else the structured ones, else the additional information.
    """
    for fields in (UNSTRUCTURED, STRUCTURED, ADDITIONAL):
        if found := _best(row, fields):
            return [line for part in found if (line := _without_noise(part, profile))]
    return []


def description(row: dict[str, Any], lines: list[str], profile: BankProfile) -> str | None:
    """Return everything that is said of a row as one text.

    Additional information is added where the remittance does not say it already.

    :param lines: of its remittance.
    """
    said = " ".join(lines)
    further = _without_noise(" ".join(_parts(row.get(ADDITIONAL[0]))), profile)
    if further and _compact(further) not in _compact(said):
        said = f"{said} {further}"
    return text(said)


def _best(row: dict[str, Any], fields: tuple[str, ...]) -> list[str]:
    """Return the lines of the field that says most: a text may stop where a list goes on."""
    versions = [parts for field in fields if (parts := _parts(row.get(field)))]
    if sum(map(len, versions)) <= 1:
        return [line for parts in versions for part in parts if (line := readable(part))]
    names = {name for field in _NAMES if (name := readable(row.get(field)))}
    best = max(versions, key=lambda parts: (len(_compact("".join(parts))), len(parts)))
    stops = {_compact("".join(parts)) for parts in versions if parts is not best}
    return [line for part in _joined(best, stops, names) if (line := readable(part))]


def _parts(value: Any) -> list[str]:
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    cut = [line for item in items if isinstance(item, str) for line in item.splitlines()]
    return [line.rstrip() for line in cut if text(line)]


def _joined(parts: list[str], stops: set[str], names: set[str]) -> list[str]:
    """Put lines together that were one: the full ones, and where another field stops.

    :param stops: what other fields say of the same, without spaces.
    :param names: lines that are a name just end with it.
    """
    is_cut = len(parts) > 1 and all(len(part) <= _FULL_LINE for part in parts)
    whole: list[str] = []
    is_open = False
    for place, part in enumerate(parts):
        if is_open:
            whole[-1] += part
        else:
            whole.append(part)
        is_full = is_cut and len(part) == _FULL_LINE and readable(part) not in names
        is_open = is_full or _compact("".join(parts[: place + 1])) in stops
    return whole


def _without_noise(line: str, profile: BankProfile) -> str | None:
    for pattern in profile.noise:
        line = pattern.sub(" ", line)
    return text(_EMPTY_LABEL.sub(" ", line))


def _compact(line: str) -> str:
    return re.sub(r"\s+", "", line).casefold()


def _unescape(match: re.Match[str]) -> str:
    units = bytes.fromhex(re.sub(r"\\[uU]", "", match.group()))
    return units.decode("utf-16-be", errors="replace")
