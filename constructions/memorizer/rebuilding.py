"""Zero robust error in l2, proved by what the network is: the theorem's, built again, on points far enough apart.

Intervals see too little of an l2 ball. So a network is either the theorem's, weight by weight, and the theorem's
inequality holds for the closest pair, in rational arithmetic; or it is searched for errors and otherwise left open.
"""

import functools
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
from jaxtyping import Float64

from bounds.entry import Tag
from certify.exact import ExactNetwork
from certify.network import Network
from constructions.decimals import floor_text
from constructions.enclosure import Intervals
from constructions.memorizer.margins import margins, require_fit
from constructions.memorizer.separated import Separated
from constructions.sameness import difference
from constructions.theorem import Claim, Evidence, Labelled, Proved, Refuted, Undecided

_MOST_EXACT = 10**6
_MOST_PRODUCTS = 10**9
_RIVALS = 64


def rebuilt_claims(
    network: Network, data: Labelled, found: Separated, *, build: Callable[[], Network], margin: Fraction, entry: str
) -> tuple[Claim, Claim]:
    """That every l2 ball of ``found.delta`` is classified right, and that it is with at least this ``margin``.

    ``build`` makes the theorem's network for this data, of which the theorem says so whenever ``found.gap > 0``;
    ``entry`` predicts the margin. The two proofs share their work.
    """
    require_fit(network, found)
    fault = functools.cache(lambda: difference(network, build()))

    def evidence(least: Fraction, strict: bool) -> Evidence:
        if fault() is None:
            return Proved("the theorem's network, built again, and the exact distance of the closest pair", _why(found))
        for row, point in _suspects(network, data, found):
            value = _margin(network, point, int(data.labels[row]))
            if value < least or (strict and value == least):
                words = f"the margin is {float(value):.6g} at {point.tolist()}, in the ball of point {row}"
                return Refuted("evaluated exactly", words)
        return Undecided(
            f"This is not the theorem's network for these points: it differs in {fault()}, so that its proof says "
            f"nothing about it, and no counterexample was found. Certify its radii instead (python -m certify)."
        )

    ball = f"within {found.delta} in l2 of a point"
    error = f"Every input {ball} gets that point's label: zero robust error on these {len(found.labels):,} points."
    words = f"Every input {ball} gets that point's label with a margin of at least {floor_text(margin)}."
    return (
        Claim("robust-radius", error, found.delta, Tag.DERIVED, "", lambda: evidence(Fraction(0), strict=True)),
        Claim("margin", words, margin, Tag.DERIVED, entry, lambda: evidence(margin, strict=False)),
    )


def _why(found: Separated) -> str:
    i, j = found.nearest.first, found.nearest.second
    return (
        f"points {i} and {j}, the closest of different classes, are at squared distance {found.nearest.exact} on the "
        f"grid, above 4 r**2 for r = {found.radius}, which is delta and how far points moved"
    )


def _suspects(network: Network, data: Labelled, found: Separated) -> Iterator[tuple[int, Float64[np.ndarray, " d"]]]:
    """Inputs where the network may be wrong, with the row of the point whose ball they are in; none for large networks.

    They are the point with the smallest margin and, in its ball and in those of the closest pair, the inputs towards
    points of other classes.
    """
    size = network.count().nnz
    if size > _MOST_EXACT:
        return
    many = max(1, _MOST_PRODUCTS // max(size, 1))
    worst = int(_float_margins(network, data.points[:many], data.labels[:many]).argmin())
    yield worst, data.points[worst]
    for row in {worst, found.nearest.first, found.nearest.second}:
        rivals = data.points[data.labels != data.labels[row]][:_RIVALS]
        tries = _towards(data.points[row], rivals, found.delta)
        if len(tries):
            labels = np.full(len(tries), data.labels[row])
            yield row, tries[int(_float_margins(network, tries, labels).argmin())]


def _float_margins(network: Network, points: np.ndarray, labels: np.ndarray) -> Float64[np.ndarray, " b"]:
    scores = network.evaluate(points)
    return margins(Intervals(scores, scores), labels)


def _towards(
    centre: Float64[np.ndarray, " d"], goals: Float64[np.ndarray, "g d"], delta: Fraction
) -> Float64[np.ndarray, "b d"]:
    """For each goal an input within ``delta`` of ``centre`` and nearly as close to the goal as that allows."""
    steps = goals - centre
    shares = np.minimum(1.0, float(delta) * (1 - 2.0**-30) / np.linalg.norm(steps, axis=1, keepdims=True))
    moved = centre + steps * shares
    return moved[[_squared_distance(centre, point) <= delta**2 for point in moved]]


def _squared_distance(one: Float64[np.ndarray, " d"], other: Float64[np.ndarray, " d"]) -> Fraction:
    return sum(
        ((Fraction(a) - Fraction(b)) ** 2 for a, b in zip(one.tolist(), other.tolist(), strict=True)), Fraction()
    )


def _margin(network: Network, point: Float64[np.ndarray, " d"], label: int) -> Fraction:
    """How far the exact output at ``point`` is on the label's side."""
    scores = ExactNetwork(network).evaluate(point)
    if len(scores) == 1:
        return scores[0] if label == 1 else -scores[0]
    return scores[label] - max(score for c, score in enumerate(scores) if c != label)
