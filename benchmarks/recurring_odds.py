"""Log odds of recurring series: fitted on series whose truth is known, and proved on others.

Plain logistic regression by Newton's method with a small ridge, so that it needs no library.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

RIDGE = 1.0
STEPS = 25
BINS = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)


@dataclass(frozen=True, slots=True)
class Example:
    """A series that was found.

    :param group: whose it is; a group is never split between fitting and proving.
    :param evidence: term to value.
    """

    group: str
    evidence: Mapping[str, float]
    is_right: bool


@dataclass(frozen=True, slots=True)
class Bin:
    """Series of about one confidence."""

    low: float
    high: float
    count: int
    said: float
    right: float


def fit(examples: Sequence[Example]) -> dict[str, float]:
    """Return the weight of each term.

    :raises ValueError: without an example.
    """
    if not examples:
        message = "there is nothing to fit"
        raise ValueError(message)
    terms = sorted({term for example in examples for term in example.evidence})
    rows = [[example.evidence.get(term, 0.0) for term in terms] for example in examples]
    weights = [0.0] * len(terms)
    for _ in range(STEPS):
        gradient = [-RIDGE * weight for weight in weights]
        curvature = [[0.0] * len(terms) for _ in terms]
        for row, example in zip(rows, examples, strict=True):
            sure = _sure(sum(w * x for w, x in zip(weights, row, strict=True)))
            error, spread = example.is_right - sure, sure * (1 - sure)
            for i, x in enumerate(row):
                if x:
                    gradient[i] += error * x
                    scaled, line = spread * x, curvature[i]
                    for j in range(i + 1):
                        line[j] += scaled * row[j]
        for i in range(len(terms)):
            curvature[i][i] += RIDGE
            for j in range(i):
                curvature[j][i] = curvature[i][j]
        move = _solved(curvature, gradient)
        weights = [w + m for w, m in zip(weights, move, strict=True)]
        if max(map(abs, move)) < 1e-6:
            break
    return dict(zip(terms, weights, strict=True))


def confidence(weights: Mapping[str, float], evidence: Mapping[str, float]) -> float:
    """Return how sure a series is, as the models say it."""
    sure = _sure(sum(weights.get(term, 0.0) * value for term, value in evidence.items()))
    return min(max(sure, 0.01), 0.99)


def held_out(examples: Sequence[Example], *, folds: int = 5) -> list[tuple[float, bool]]:
    """Return what each example is given by a fit on the other groups, and whether it is right."""
    groups = sorted({example.group for example in examples})
    fold = {group: number % folds for number, group in enumerate(groups)}
    proved = []
    for number in range(folds):
        weights = fit([one for one in examples if fold[one.group] != number])
        proved += [
            (confidence(weights, one.evidence), one.is_right)
            for one in examples
            if fold[one.group] == number
        ]
    return proved


def reliability(proved: Sequence[tuple[float, bool]]) -> list[Bin]:
    """Return what was said and what was right, by how sure it was said; empty bins are left out."""
    bins = []
    for low, high in pairwise(BINS):
        inside = [one for one in proved if low <= one[0] and (one[0] < high or high == BINS[-1])]
        if inside:
            said = sum(sure for sure, _ in inside) / len(inside)
            right = sum(is_right for _, is_right in inside) / len(inside)
            bins.append(Bin(low, high, len(inside), said, right))
    return bins


def calibration_error(bins: Sequence[Bin]) -> float:
    """Return how far what was said lies from what was right, as the mean over all series."""
    total = sum(one.count for one in bins)
    return sum(one.count * abs(one.said - one.right) for one in bins) / total


def _sure(log_odds: float) -> float:
    return 1 / (1 + math.exp(-min(max(log_odds, -20.0), 20.0)))


def _solved(matrix: list[list[float]], vector: list[float]) -> list[float]:
    """Solve a symmetric positive definite system by Cholesky's way."""
    size = len(vector)
    lower = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i][j] - sum(lower[i][k] * lower[j][k] for k in range(j))
            lower[i][j] = math.sqrt(rest) if i == j else rest / lower[j][j]
    half: list[float] = []
    for i in range(size):
        half.append((vector[i] - sum(lower[i][k] * half[k] for k in range(i))) / lower[i][i])
    solution = [0.0] * size
    for i in reversed(range(size)):
        rest = half[i] - sum(lower[k][i] * solution[k] for k in range(i + 1, size))
        solution[i] = rest / lower[i][i]
    return solution
