"""How good predicted patterns are, against the true series.

A series is found when one pattern holds at least four fifths of it, and is itself made of it by
four fifths. Rows that are not scored are left out of patterns first; a pattern with fewer than two
rows then is none. A transaction in several patterns belongs to the largest.
"""

from __future__ import annotations

import bisect
import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.recurring_files import Label, Prediction, Transaction

_SHARE = 0.8


@dataclass(frozen=True)
class Ratio:
    """Precision and recall, from 0 to 1."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Their harmonic mean."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


@dataclass(frozen=True)
class Score:
    """What predictions are worth.

    :param frequency: share of the series found whose frequency is right.
    :param kinds: by kind of series, how many were found and how many there are.
    :param frequencies: the same by frequency.
    """

    series: Ratio
    transactions: Ratio
    frequency: float
    patterns: int
    kinds: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    frequencies: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class OnlineScore:
    """How soon series are found and how well their next payments are foretold.

    :param found_by: share of all series found no later than their k-th payment, by k.
    :param next_within: share of the next payments that came within two days of the day foretold.
    :param next_exact: share that came on that very day.
    :param foretold: how many next payments were foretold.
    """

    found_by: Mapping[int, float]
    next_within: float
    next_exact: float
    foretold: int


@dataclass
class _Truth:
    """The labels, from both sides."""

    series_of: dict[str, str] = field(default_factory=dict)
    ignored: set[str] = field(default_factory=set)
    frequency: dict[str, str] = field(default_factory=dict)
    kind: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, labels: Iterable[Label]) -> _Truth:
        truth = cls()
        for label in labels:
            if not label.is_scored:
                truth.ignored.add(label.transaction_id)
                continue
            truth.series_of[label.transaction_id] = label.series_id
            truth.frequency[label.series_id] = label.frequency
            truth.kind[label.series_id] = label.kind
        return truth

    def main_series(self, members: Iterable[str]) -> tuple[str, int] | None:
        """Return the series that most of these transactions belong to, and how many do."""
        counts = Counter(self.series_of[one] for one in members if one in self.series_of)
        return counts.most_common(1)[0] if counts else None


def score(labels: Sequence[Label], predictions: Sequence[Prediction]) -> Score:
    """Compare predictions made at the end of the file with the truth."""
    truth = _Truth.of(labels)
    frequency = {one.pattern_id: one.frequency for one in predictions}
    pattern_of = _largest(predictions)
    members: dict[str, set[str]] = defaultdict(set)
    for transaction_id, pattern_id in pattern_of.items():
        if transaction_id not in truth.ignored:
            members[pattern_id].add(transaction_id)
    predicted = [one for ones in members.values() for one in ones]
    right = sum(one in truth.series_of for one in predicted)
    sizes = set(truth.series_of.values())
    patterns = {key: ones for key, ones in members.items() if len(ones) >= 2}
    found = _found(truth, patterns)
    return Score(
        series=Ratio(_share(len(found), len(patterns)), _share(len(found), len(sizes))),
        transactions=Ratio(_share(right, len(predicted)), _share(right, len(truth.series_of))),
        frequency=_share(
            sum(frequency[pattern] == truth.frequency[one] for one, pattern in found.items()),
            len(found),
        ),
        patterns=len(patterns),
        kinds=_by(truth.kind, found),
        frequencies=_by(truth.frequency, found),
    )


def judge(labels: Sequence[Label], predictions: Sequence[Prediction]) -> dict[str, bool]:
    """Return of each pattern that counts whether it is a series."""
    truth = _Truth.of(labels)
    members: dict[str, set[str]] = defaultdict(set)
    for transaction_id, pattern_id in _largest(predictions).items():
        if transaction_id not in truth.ignored:
            members[pattern_id].add(transaction_id)
    patterns = {key: ones for key, ones in members.items() if len(ones) >= 2}
    right = set(_found(truth, patterns).values())
    return {pattern_id: pattern_id in right for pattern_id in patterns}


def score_online(
    labels: Sequence[Label],
    transactions: Iterable[Transaction],
    predictions: Iterable[Prediction],
) -> OnlineScore:
    """Compare predictions made on many days, each from what was booked until then, with the truth.

    A series counts as found on a day from a pattern that is four fifths made of it, and holds three
    of its payments, or three fifths where it has fewer.
    """
    truth = _Truth.of(labels)
    dates = {one.transaction_id: one.booking_date for one in transactions}
    days: dict[str, list[dt.date]] = defaultdict(list)
    for transaction_id, series_id in truth.series_of.items():
        if transaction_id in dates:
            days[series_id].append(dates[transaction_id])
    for series_days in days.values():
        series_days.sort()
    found: dict[str, int] = {}
    misses: list[int] = []
    for (as_of, next_date), ones in _runs(predictions, truth):
        main = truth.main_series(ones)
        if main is None or main[0] not in days or main[1] < _SHARE * len(ones):
            continue
        series_id, count = main
        seen = bisect.bisect_right(days[series_id], as_of)
        if count < min(3, 0.6 * seen):
            continue
        found.setdefault(series_id, seen)
        if next_date is not None and seen < len(days[series_id]):
            misses.append(abs((days[series_id][seen] - next_date).days))
    return OnlineScore(
        found_by={
            count: _share(sum(seen <= count for seen in found.values()), len(days))
            for count in (2, 3, 4, 6, 12)
        },
        next_within=_share(sum(miss <= 2 for miss in misses), len(misses)),
        next_exact=_share(sum(miss == 0 for miss in misses), len(misses)),
        foretold=len(misses),
    )


def _found(truth: _Truth, patterns: Mapping[str, set[str]]) -> dict[str, str]:
    """Return the pattern that finds each series, of those that one does."""
    sizes = Counter(truth.series_of.values())
    found: dict[str, str] = {}
    for pattern_id, ones in patterns.items():
        main = truth.main_series(ones)
        if main is None:
            continue
        series_id, count = main
        is_found = count >= _SHARE * len(ones) and count >= _SHARE * sizes[series_id]
        if is_found and series_id not in found:
            found[series_id] = pattern_id
    return found


def _runs(
    predictions: Iterable[Prediction], truth: _Truth
) -> Iterable[tuple[tuple[dt.date, dt.date | None], list[str]]]:
    """Return the patterns of each day in order, with the day they were expected next."""
    patterns: dict[tuple[dt.date, str, dt.date | None], list[str]] = defaultdict(list)
    for one in predictions:
        if one.as_of is not None and one.transaction_id not in truth.ignored:
            patterns[one.as_of, one.pattern_id, one.next_date].append(one.transaction_id)
    for (as_of, _, next_date), ones in sorted(patterns.items(), key=lambda item: item[0][0]):
        if len(ones) >= 2:
            yield (as_of, next_date), ones


def _largest(predictions: Sequence[Prediction]) -> dict[str, str]:
    size = Counter(one.pattern_id for one in predictions)
    largest: dict[str, str] = {}
    for one in predictions:
        known = largest.get(one.transaction_id)
        if known is None or size[one.pattern_id] > size[known]:
            largest[one.transaction_id] = one.pattern_id
    return largest


def _by(group_of: Mapping[str, str], found: Mapping[str, str]) -> dict[str, tuple[int, int]]:
    total = Counter(group_of.values())
    hits = Counter(group_of[series_id] for series_id in found)
    return {group: (hits[group], total[group]) for group in sorted(total)}


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
