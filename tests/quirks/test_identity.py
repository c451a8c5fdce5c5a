"""Ids that are missing, reused, made anew or shared."""

from __future__ import annotations

from tests.quirks.case import PLAIN_BANK, Case


def test_plain(case: Case) -> None:
    case.at(PLAIN_BANK)
    assert case.told() == case.true_rows()
    assert len(case.pending()) == len(case.truth(pending=True)) == 3
    case.pull(days=4)
    assert case.told() == case.true_rows()


def test_plain2(case: Case) -> None:
    case.at(PLAIN_BANK)
