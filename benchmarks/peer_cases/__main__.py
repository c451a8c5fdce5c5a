"""Hold cases from other projects' tests against what comes out of our own pipeline.

Usage: python -m benchmarks.peer_cases FILE.json [--json] [--only TEXT]

Each case is sent through the product: a provider on the loopback answers with its payload, the
client asks, ingestion lands it in a database of the case's own, projections make the ledger, and
the facts are read there. A fact without a column, such as the card scheme, is read by the product's
own reader from the payload that was stored. What a shortened fixture lacks is added: a date where
the case says so, the currency and wallet that Trading 212 always sends.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import simplejson

from benchmarks.peer_cases import bank, broker, failures
from benchmarks.peer_cases.cases import BadCasesError, Case, load
from benchmarks.peer_cases.compare import Difference, differences
from benchmarks.peer_cases.world import Worlds, worlds

TIERS = ("core", "text", "policy")

# Why we decide otherwise where more than one answer can be defended, by kind and fact.
REASONS = {
    (
        "card_balance",
        "owed",
    ): "GoCardless tells no credit limit, so what is owed does not follow from"
    " the credit that is left; it is stored as available and the debt is unknown",
    (
        "pagination",
        "booked_count",
    ): "an answer that says it goes on is documented nowhere; nothing is"
    " concluded from its first part, and the pull is repeated and reported",
    (
        "transaction",
        "date_in",
    ): "a number is no date in this API; the row is set aside with a reason",
    ("identity", "ledger_rows"): "rows of one answer are as many payments, unless GoCardless's"
    " own id says otherwise: transactionId repeats at some banks, and merging could lose money",
}
REASONS["transaction", "ledger_rows"] = REASONS["identity", "ledger_rows"]
for _fact in ("pending_count", "requests", "distinct_rows"):
    REASONS["pagination", _fact] = REASONS["pagination", "booked_count"]


@dataclass(frozen=True)
class Verdict:
    """What came out of one case.

    :param error: what the harness itself stumbled over; the case counts as failed.
    """

    case: Case
    wrong: list[Difference]
    facts: dict[str, Any]
    error: str | None

    @property
    def is_right(self) -> bool:
        """Whether every fact is as expected."""
        return not self.wrong and self.error is None

    @property
    def reason(self) -> str | None:
        """Why we decide otherwise; None where no policy says so."""
        if self.case.tier != "policy":
            return None
        return next((r for d in self.wrong if (r := REASONS.get((self.case.kind, d.fact)))), None)


def judge(everything: Worlds, case: Case) -> Verdict:
    """Send one case through the product and compare."""
    kinds = broker.KINDS if case.is_broker else {**bank.KINDS, "error": failures.error}
    facts: dict[str, Any] = {}
    error = None
    try:
        with everything.of(case) as world:
            facts = kinds[case.kind](world, case)
    except Exception as failure:  # noqa: BLE001 - one case must not cost the others their verdict
        error = f"{type(failure).__name__}: {' '.join(str(failure).split())[:200]}"
    return Verdict(case, [] if error else differences(case.expected, facts), facts, error)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a file of cases and print what came of it.

    :returns: 0 if it ran, whatever came out; 2 if the file cannot be used.
    """
    parser = argparse.ArgumentParser(prog="benchmarks.peer_cases", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--json", action="store_true", help="everything as one JSON document")
    parser.add_argument("--only", default="", help="cases whose id or kind has this in it")
    options = parser.parse_args(arguments)
    try:
        cases = [c for c in load(options.file) if options.only in c.id or options.only == c.kind]
    except BadCasesError as error:
        print(error, file=sys.stderr)
        return 2
    started = time.monotonic()
    verdicts = []
    with _quiet(), worlds() as everything:
        for case in cases:
            verdicts.append(judge(everything, case))
            if not options.json:
                print(_line(verdicts[-1]), flush=True)
    if options.json:
        print(_document(verdicts))
    else:
        print(_totals(verdicts, time.monotonic() - started))
    return 0


@contextmanager
def _quiet() -> Iterator[None]:
    """Let nothing be logged: a case that goes wrong on purpose is no news."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _line(verdict: Verdict) -> str:
    case = verdict.case
    lines = [f"{'ok  ' if verdict.is_right else 'FAIL'} {case.tier:<6} {case.kind:<16} {case.id}"]
    if verdict.error:
        lines.append(f"       {verdict.error}")
    lines += [
        f"       {d.fact}: expected {_show(d.expected)}, got {_show(d.got)}" for d in verdict.wrong
    ]
    if verdict.reason:
        lines.append(f"       because {verdict.reason}")
    return "\n".join(lines)


def _totals(verdicts: list[Verdict], seconds: float) -> str:
    lines = ["", f"{len(verdicts)} cases in {seconds:.0f} s"]
    for title, group in (("tier", lambda v: v.case.tier), ("kind", lambda v: v.case.kind)):
        lines.append("")
        for name, (right, all_) in _counts(verdicts, group).items():
            lines.append(f"{title} {name:<18} {right:>4} of {all_:<4} {right / all_:>6.1%}")
    reasoned = sum(1 for v in verdicts if not v.is_right and v.reason)
    lines += ["", f"policy cases decided otherwise for a stated reason: {reasoned}"]
    return "\n".join(lines)


def _counts(verdicts: list[Verdict], group: Any) -> dict[str, tuple[int, int]]:
    all_ = Counter(group(v) for v in verdicts)
    right = Counter(group(v) for v in verdicts if v.is_right)
    order = sorted(all_, key=lambda name: (TIERS.index(name) if name in TIERS else 0, name))
    return {name: (right[name], all_[name]) for name in order}


def _document(verdicts: list[Verdict]) -> str:
    def totals(group: Any) -> dict[str, dict[str, int]]:
        counted = _counts(verdicts, group)
        return {name: {"right": right, "all": all_} for name, (right, all_) in counted.items()}

    document = {
        "tiers": totals(lambda v: v.case.tier),
        "kinds": totals(lambda v: v.case.kind),
        "cases": [
            {
                "id": v.case.id,
                "kind": v.case.kind,
                "tier": v.case.tier,
                "right": v.is_right,
                "expected": v.case.expected,
                "got": v.facts,
                "wrong": [d.fact for d in v.wrong],
                "reason": v.reason,
                "error": v.error,
            }
            for v in verdicts
        ],
    }
    return simplejson.dumps(document, use_decimal=True, default=str, ensure_ascii=False, indent=1)


def _show(value: Any) -> str:
    return simplejson.dumps(value, use_decimal=True, default=str, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
