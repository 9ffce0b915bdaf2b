"""Separation of labelled data, train-to-test distances, and the check that two sets are far enough apart."""

from fractions import Fraction

import numpy as np
from jaxtyping import Float64, Int, Int64

from certify.errors import InvalidInput
from certify.region import Norm
from constructions.separation.closest import Clearance, ClosestPair, Separation
from constructions.separation.metric import Metric
from constructions.separation.pair_set import PairSet
from constructions.separation.search import Plan, closest


def measure(
    points: Float64[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    norm: Norm,
    *,
    same_class: bool = True,
    plan: Plan | None = None,
) -> Separation:
    """The smallest distances between points with different labels, and with equal labels if ``same_class``, exactly.

    Half the first is the epsilon of the theorems on robust memorisation: radii below it are admissible.

    Raises:
        InvalidInput: points that are no finite table, labels that do not fit, a single class, or two equal points with
            different labels.
    """
    _require_points(points, "points")
    known = _labels(labels, points, "points")
    metric, plan = Metric.of(points, points, norm), plan or Plan()
    cross = closest(PairSet(known, known, equal=False, within=True), metric, plan)
    nearest = _apart(cross.nearest, known, known)
    same = closest(PairSet(known, known, equal=True, within=True), metric, plan).nearest if same_class else None
    return Separation(norm, nearest, same, cross.effort)


def between(
    train: tuple[Float64[np.ndarray, "n d"], Int[np.ndarray, " n"]],
    test: tuple[Float64[np.ndarray, "m d"], Int[np.ndarray, " m"]],
    norm: Norm,
    *,
    same_class: bool = False,
    plan: Plan | None = None,
) -> Separation:
    """The smallest distances between a point of ``train`` and one of ``test``, both given as points and labels.

    ``first`` in the answer is a row of ``train`` and ``second`` a row of ``test`` (yang2020, Table 1).

    Raises:
        InvalidInput: as for ``measure``, or sets with different numbers of coordinates.
    """
    _require_points(train[0], "train")
    _require_points(test[0], "test")
    _require_same_width(train[0], test[0])
    first, second = _labels(train[1], train[0], "train"), _labels(test[1], test[0], "test")
    metric, plan = Metric.of(train[0], test[0], norm), plan or Plan()
    cross = closest(PairSet(first, second, equal=False, within=False), metric, plan)
    nearest = _apart(cross.nearest, first, second)
    same = closest(PairSet(first, second, equal=True, within=False), metric, plan).nearest if same_class else None
    return Separation(norm, nearest, same, cross.effort)


def separated(
    first: Float64[np.ndarray, "n d"],
    second: Float64[np.ndarray, "m d"],
    threshold: Fraction,
    norm: Norm,
    *,
    plan: Plan | None = None,
) -> Clearance:
    """Whether every point of ``first`` is farther than ``threshold`` from every point of ``second``, exactly.

    ``threshold`` is a distance, for l2 the square of one. Cheaper than finding a smallest distance that exceeds it.

    Raises:
        InvalidInput: points that are no finite tables of one width, or a negative threshold.
    """
    _require_points(first, "first")
    _require_points(second, "second")
    _require_same_width(first, second)
    if threshold < 0:
        raise InvalidInput(f"A threshold must be a distance >= 0 (for l2 its square), got {threshold}.")
    pairs = PairSet(np.zeros(len(first), np.int64), np.zeros(len(second), np.int64), equal=True, within=False)
    search = closest(pairs, Metric.of(first, second, norm), plan or Plan(), limit=threshold)
    return Clearance(norm, threshold, search.nearest, search.effort)


def _require_points(points: np.ndarray, name: str) -> None:
    if points.ndim != 2 or points.dtype != np.float64:
        raise InvalidInput(
            f"{name} must be a float64 table of n points with d coordinates, got {points.dtype} of shape "
            f"{points.shape}. Flatten images to rows first."
        )
    if not points.size:
        raise InvalidInput(f"{name} has shape {points.shape}: there must be at least one point and one coordinate.")
    step = max(1, 2**20 // points.shape[1])
    for start in range(0, len(points), step):
        bad = np.argwhere(~np.isfinite(points[start : start + step]))
        if bad.size:
            i, k = start + int(bad[0, 0]), int(bad[0, 1])
            raise InvalidInput(f"{name}: row {i} has {points[i, k]} at coordinate {k}; all entries must be finite.")


def _require_same_width(first: np.ndarray, second: np.ndarray) -> None:
    if first.shape[1] != second.shape[1]:
        raise InvalidInput(
            f"One set has {first.shape[1]} coordinates a point and the other {second.shape[1]}: they must agree."
        )


def _labels(labels: np.ndarray, points: np.ndarray, name: str) -> Int64[np.ndarray, " n"]:
    if labels.shape != points.shape[:1] or labels.dtype.kind not in "iu":
        raise InvalidInput(
            f"{name} has {len(points)} points and labels of {labels.dtype} with shape {labels.shape}: "
            "give one integer a point."
        )
    return labels.astype(np.int64)


def _apart(nearest: ClosestPair | None, first: Int64[np.ndarray, " n"], second: Int64[np.ndarray, " m"]) -> ClosestPair:
    """The closest pair with different labels, which must exist and be two different points."""
    if nearest is None:
        raise InvalidInput(f"All labels are {first[0]}: a separation needs at least two classes.")
    if nearest.exact == 0:
        i, j = nearest.first, nearest.second
        raise InvalidInput(
            f"Points {i} and {j} are equal and have different labels, {first[i]} and {second[j]}: no network can tell "
            "them apart. Drop one of them or correct its label."
        )
    return nearest
