"""The harness for recurring payments: any file in, predictions and a score out, one line if not."""

from __future__ import annotations

import csv
import gzip
import sys
from pathlib import Path

import psycopg
import pytest

from benchmarks import recurring, recurring_worlds
from benchmarks.recurring_files import Label, Prediction
from benchmarks.recurring_score import score
from postgres.embedded import Address

HEADER = "account_id,transaction_id,booking_date,amount,currency,counterparty,description"


def run(monkeypatch: pytest.MonkeyPatch, module: object, *arguments: object) -> int | None:
    monkeypatch.setattr(sys, "argv", ["benchmark", *map(str, arguments)])
    outcome: int | None = module.main()  # type: ignore[attr-defined]
    return outcome


def test_series_of_banks_never_seen_are_found(
    server: Address,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FARTHING_DATABASE_URL", server.url("postgres"))
    world = tmp_path / "t.csv.gz"
    labels = tmp_path / "l.csv"
    made = ("--transactions", world, "--labels", labels)
    run(monkeypatch, recurring_worlds, *made, "--households", 8, "--seed", 77)
    predictions = tmp_path / "p.csv"
    assert run(monkeypatch, recurring, *made, "--predictions", predictions, "--by-kind") == 0
    told = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines()}
    assert float(told["series"][2]) >= 0.92
    assert float(told["transactions"][2]) >= 0.97
    assert float(told["frequency"][2]) >= 0.98
    with predictions.open() as file:
        header = csv.DictReader(file).fieldnames
    assert header == ["transaction_id", "pattern_id", "frequency", "confidence"]
    with psycopg.connect(server.url("postgres")) as connection:
        scratch = "select count(*) from pg_database where datname like 'farthing_bench_%'"
        assert connection.execute(scratch).fetchone() == (0,)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "has no column account_id"),
        (HEADER.replace(",currency", ""), "has no column currency"),
        (HEADER, "holds no transactions"),
        (f"{HEADER}\na,1,2025-02-30,-1,GBP,x,y", "line 2 has the booking_date '2025-02-30'"),
        (f"{HEADER}\na,1,2025-02-03,nan,GBP,x,y", "line 2 has the amount 'nan'"),
        (f"{HEADER}\na,1,2025-02-03,-1,pounds,x,y", "line 2 has the currency 'pounds'"),
        (f"{HEADER}\na,1,2025-02-03,-1,GBP,x", "line 2 has another number of fields"),
        (f"{HEADER}\na,1,2025-02-03,-1,GBP,x,y\nb,1,2025-02-03,-1,GBP,x,y", "'1' comes twice"),
        (None, "cannot be read: No such file or directory"),
        (b"\xff\xfe\x00", "is not a CSV file in UTF-8"),
    ],
    ids=[
        "empty", "no currency", "no rows", "no day", "no amount", "no code", "short line", "twice",
        "no file", "no text",
    ],
)  # fmt: skip
def test_broken_file_is_one_line_and_exit_2(
    content: str | bytes | None,
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "t.csv"
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    arguments = ("--transactions", path, "--predictions", tmp_path / "p.csv")
    assert run(monkeypatch, recurring, *arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert complaint in captured.err
    assert str(path) in captured.err


def test_file_that_is_not_gzipped_is_one_line_and_exit_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "t.csv.gz"
    for content in (b"account_id", gzip.compress(HEADER.encode())[:-9]):
        path.write_bytes(content)
        arguments = ("--transactions", path, "--predictions", tmp_path / "p.csv")
        assert run(monkeypatch, recurring, *arguments) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_score_counts_what_it_says() -> None:
    """Five of a series; one pattern finds it with one row too many, and another is none."""
    labels = [Label(f"a{n}", "A", "monthly", "rent", is_scored=True) for n in range(5)]
    labels += [Label(f"b{n}", "B", "weekly", "club", is_scored=True) for n in range(5)]
    labels += [Label("void", "A", "monthly", "rent", is_scored=False)]

    def pattern(name: str, *members: str) -> list[Prediction]:
        return [Prediction(one, name, "monthly", 1) for one in members]  # type: ignore[arg-type]

    found = score(
        labels,
        [
            *pattern("p", "a0", "a1", "a2", "a3", "x", "void"),
            *pattern("q", "b0", "b1", "y"),
            *pattern("r", "void", "z"),
        ],
    )
    assert (found.series.precision, found.series.recall) == (0.5, 0.5)
    assert (found.transactions.precision, found.transactions.recall) == (6 / 9, 0.6)
    assert found.frequency == 1
    assert found.kinds == {"club": (0, 1), "rent": (1, 1)}
