"""A text is one again, however a bank cut, doubled or escaped it."""

from __future__ import annotations

from typing import Any

import pytest

from providers.gocardless.banks import DEFAULT
from providers.gocardless.remittance import readable, remittance_lines
from providers.gocardless.rows import read_transaction

TEXT, LINES = "remittanceInformationUnstructured", "remittanceInformationUnstructuredArray"
STRUCTURED = "remittanceInformationStructured"


def description(row: dict[str, Any]) -> str | None:
    return read_transaction(row, is_pending=True).description


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Fish &amp; Chips", "Fish & Chips"),
        ("pizza \\Ud83c\\Udf55!", "pizza 🍕!"),
        ("caf\\u00e9", "café"),
        ("broken \\Ud83c end", "broken � end"),
        ("a\u00a0\u200bb", "a b"),
        ("C:\\Users", "C:\\Users"),
        (" ", None),
        (7, None),
    ],
)
def test_escapes_and_spaces_are_resolved(written: Any, read: str | None) -> None:
    assert readable(written) == read


class TestCutLines:
    def test_a_full_line_goes_on_inside_a_word(self) -> None:
        row = {LINES: ["Nora Feld", "77001/. Jahresbeitrag fuer die Parz", "elle am Bach"]}

        assert remittance_lines(row, DEFAULT) == [
            "Nora Feld",
            "77001/. Jahresbeitrag fuer die Parzelle am Bach",
        ]

    def test_a_name_that_just_fits_ends_with_its_line(self) -> None:
        name = "Gartenverein Sonnenhang Rodenfelden"
        assert len(name) == 35

        row = {"creditorName": name, LINES: [name, "Jahresbeitrag"]}

        assert remittance_lines(row, DEFAULT) == [name, "Jahresbeitrag"]

    def test_longer_lines_were_not_cut(self) -> None:
        row = {LINES: ["x" * 35, "y" * 36]}

        assert remittance_lines(row, DEFAULT) == ["x" * 35, "y" * 36]

    def test_a_list_goes_on_where_the_text_stops(self) -> None:
        row = {TEXT: "Beitrag\nEnd-to-En", LINES: ["Beitrag", "End-to-En", "d-Ref.: 42"]}

        assert description(row) == "Beitrag End-to-End-Ref.: 42"


class TestFields:
    def test_the_same_in_several_fields_is_said_once(self) -> None:
        row = {TEXT: "Fee  March", LINES: ["Fee", "March"], "additionalInformation": "fee march"}

        assert description(row) == "Fee March"

    def test_structured_counts_where_there_is_nothing_else(self) -> None:
        assert description({TEXT: " ", STRUCTURED: "Miete"}) == "Miete"
        assert description({TEXT: "Rent", STRUCTURED: "RF18"}) == "Rent"

    @pytest.mark.parametrize("label", ["EndToEndID: ", "End-to-End-Ref.: ", "EREF+", "/EREF/"])
    def test_a_reference_that_was_not_provided_is_left_out(self, label: str) -> None:
        assert description({TEXT: f"Rent {label}NOTPROVIDED"}) == "Rent"
        assert description({TEXT: f"Rent {label}42"}) == f"Rent {label}42"
