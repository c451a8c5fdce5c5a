from __future__ import annotations

import datetime as dt

import pytest

from dagster_project.lib import results
from ingestion.run import AccountOutcome, Status, Window
from postgres.core import WriteCounts
from tests.dagster_project.support import outcome


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (None, ""),
        (12, "12"),
        ("a|b", r"a\|b"),
        ("two\nlines\tof text", "two lines of text"),
        ("<b>&amp;</b>", "&lt;b&gt;&amp;amp;&lt;/b&gt;"),
        ("[x](javascript:1)", r"\[x\]\(javascript:1\)"),
        ("`*_~", r"\`\*\_\~"),
        ("back\\slash", r"back\\slash"),
    ],
)
def test_cells_show_text_as_it_is(text: object, shown: str) -> None:
    assert results.escaped(text) == shown


def test_numbers_are_sums_and_accounts_are_rows() -> None:
    step = outcome(
        "gocardless.transactions",
        AccountOutcome(
            None, "Joint | ..1234", received=5, counts=WriteCounts(2, 1, 1), quarantined=1,
            window=Window(dt.date(2026, 3, 1), dt.date(2026, 3, 15)),
        ),
        AccountOutcome(
            None, "Card", Status.DEFERRED, reason="no calls left",
            resumes_at=dt.datetime(2026, 3, 16, 9, tzinfo=dt.UTC),
        ),
    )  # fmt: skip

    report = results.metadata(step)

    table = report.pop("outcomes").value
    assert report == {
        "received": 5, "inserted": 2, "updated": 1, "unchanged": 1, "quarantined": 1,
        "accounts": 2, "accounts_unfinished": 1, "seconds": 0.25,
    }  # fmt: skip
    header, rule, first, second = table.splitlines()
    assert header.startswith("| account | status | reason | resumes | window | received |")
    assert header.count("|") == rule.count("|") == second.count("|")
    assert first.startswith(r"| Joint \| ..1234 | completed |  |  | 2026\-03\-01 to 2026\-03\-15 |")
    assert r"| deferred | no calls left | 2026\-03\-16T09:00:00\+00:00 |" in second


def test_a_step_without_accounts_has_no_table() -> None:
    assert "outcomes" not in results.metadata(outcome("common.holdings"))
