"""Who was paid, when names are empty, technical or somebody else's."""

from __future__ import annotations

import pytest

from postgres.payload import dumps
from tests.quirks.case import PLAIN_BANK, Case

ABANCA = "ABANCA_CAGLESMM"
BANKINTER = "BANKINTER_BKBKESMM"
BANK_OF_IRELAND = "BANK_OF_IRELAND_B365_BOFIIE2D"
BERLIN = "BERLINER_SPARKASSE_BELADEBEXXX"
BNP = "BNP_BE_GEBABEBB"
CBC = "CBC_CREGBEBB"
COMMERZBANK = "COMMERZBANK_COBADEFF"
DANSKE = "DANSKEBANK_DABNO22"
DIREKT = "DIREKT_HELADEF1822"
EASYBANK = "EASYBANK_BAWAATWW"
FORTUNEO = "FORTUNEO_FTNOFRP1XXX"
HYPE = "HYPE_HYEEIT22"
ING_GERMANY = "ING_INGDDEFF"
KBC = "KBC_KREDBEBB"
REVOLUT = "REVOLUT_REVOLT21"
SABADELL = "BANCSABADELL_BSABESBB"
SEB = "SEB_ESSESESS_PRIVATE"
SEB_CARD = "SEB_KORT_AB_NO_SKHSFI21"
SPAR_NORD = "SPARNORD_SPNODK22"
VIRGIN = "VIRGIN_NRNBGB22"

# What the description of a row must be free of.
MARKERS = {
    ("T5", BANKINTER): ("/Txt/", ";"),
    ("T5", DANSKE): ("NOTPROVIDED",),
    ("T5", ING_GERMANY): ("remittanceinformation",),
    ("T7", HYPE): ("\\U",),
    ("T8", PLAIN_BANK): ("\u200b", "\xa0"),
    ("T9", PLAIN_BANK): ("&amp;",),
}


@pytest.mark.parametrize(
    ("quirk", "bank"),
    [
        ("T1", ABANCA),
        ("T1", DIREKT),
        ("T2", SEB),
        ("T2", SPAR_NORD),
        ("T2", BNP),
        ("T3", SABADELL),
        ("T3", PLAIN_BANK),
        ("T4", VIRGIN),
        ("T4", KBC),
        ("T4", CBC),
        ("T4", EASYBANK),
        ("T4", BANK_OF_IRELAND),
        ("T4", REVOLUT),
        ("T4", PLAIN_BANK),
        ("T5", BANKINTER),
        ("T5", DANSKE),
        ("T5", ING_GERMANY),
        ("T6", BERLIN),
        ("T7", HYPE),
        ("T8", PLAIN_BANK),
        ("T9", PLAIN_BANK),
        ("T11", ING_GERMANY),
        ("T11", PLAIN_BANK),
        ("T12", COMMERZBANK),
        ("T12", PLAIN_BANK),
        ("T13", PLAIN_BANK),
        ("T14", PLAIN_BANK),
        ("T15", PLAIN_BANK),
        ("T16", KBC),
        ("T16", CBC),
        ("T17", FORTUNEO),
    ],
)
def test_the_other_side_is_the_shop(case: Case, quirk: str, bank: str) -> None:
    """T1 T2 T3 T4 T5 T6 T7 T8 T9 T11 T12 T13 T14 T15 T16 T17"""
    case.at(bank, quirk)
    assert case.payees() == case.true_payees()
    assert case.told() == case.true_rows()
    for marker in MARKERS.get((quirk, bank), ()):
        assert any(marker in dumps(row.payload) for row in case.raw())
        assert not any(marker in (row.description or "") for row in case.rows())


def test_the_owner_of_the_account_is_nobodys_other_side(case: Case) -> None:
    """T10"""
    case.at(PLAIN_BANK, "T10")
    assert case.payees() == case.true_payees()
    owner = case.sandbox.truth_at(PLAIN_BANK)[0]
    assert owner["key"].startswith(PLAIN_BANK)
    names = {row.counterparty_name for row in case.rows()}
    assert "Alex Morgan Hartley" not in names
    assert "NORTHERN RAIL LTD" in names


def test_words_that_were_cut_are_whole_again(case: Case) -> None:
    """T3 T12"""
    case.at(COMMERZBANK, "T12")
    shops = {row["counterparty"] for _, row in case.truth() if row["kind"] == "card"}
    for shop in shops:
        said = [row.description or "" for row in case.rows() if row.counterparty_name == shop]
        assert said
        assert all(f"WITHOUT REFERENCE PURCHASE AT {shop}" in text for text in said)
        assert not any("NOTPROVIDED" in text for text in said)


def test_money_back_is_money_in(case: Case) -> None:
    """T17"""
    case.at(FORTUNEO, "T17")
    back = [row for row in case.rows() if row.amount > 0 and row.counterparty_name == "IKEA"]
    assert [str(row.amount) for row in back] == ["12.40"] * 3
