"""Zero robust error proved: by bounds on every ball, or by what the network is and how far the data is separated."""

import functools
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
from jaxtyping import Float64, Int64

from bounds.entry import Tag
from certify.errors import InvalidInput
from certify.exact import ExactNetwork
from certify.network import Network
from certify.region import Norm
from constructions.decimals import floor_text
from constructions.dyadic import exact_float
from constructions.enclosure import Inexact, Intervals, enclose
from constructions.memorizer.separated import Separated
from constructions.memorizer.slopes import enclose_balls
from constructions.sameness import difference
from constructions.theorem import Claim, Evidence, Labelled, Proved, Refuted, Undecided

DIRECT_COST = 2**30
"""Up to this many balls times weights every ball is enclosed; above it the network is built again and compared."""

EXACT_COST = 2**21
"""Up to this many weights a network is evaluated in exact arithmetic, in search of a counterexample."""

_CELLS = 2**22
_CANDIDATES = 256
_ATTEMPTS = 8


Bounding = Callable[[Network, Separated, Int64[np.ndarray, " b"]], Intervals]
"""Exact bounds of a network's outputs on the balls of some of the points."""


def boxes(network: Network, found: Separated, rows: Int64[np.ndarray, " b"]) -> Intervals:
    """Interval bounds on the linf balls."""
    reach = exact_float(found.radius)
    return enclose(network, Intervals(found.points[rows] - reach, found.points[rows] + reach))


def diamonds(network: Network, found: Separated, rows: Int64[np.ndarray, " b"]) -> Intervals:
    """Bounds on the l1 balls, from the second layer's Lipschitz constants."""
    return enclose_balls(network, found.points[rows], found.radius)


def margin_claims(
    network: Network,
    data: Labelled,
    found: Separated,
    *,
    rebuild: Callable[[], Network],
    needs: str,
    bounding: Bounding | None = boxes,
) -> tuple[Claim, Claim]:
    """That every ball is classified right, and that it is with margin at least 1.

    The bounds of ``bounding`` prove it when they are tight and there are not too many. Else the network must equal the
    theorem's for this data, ``rebuild()``; ``needs`` says what that theorem needs and ``found`` establishes.
    """
    require_fit(network, found)

    @functools.cache
    def least() -> Float64[np.ndarray, " N"] | Undecided:
        return _least_margins(network, found, bounding)

    @functools.cache
    def fault() -> str | None:
        return difference(network, rebuild())

    def evidence(holds: Callable[[np.ndarray], np.ndarray]) -> Evidence:
        bounds = least()
        if not isinstance(bounds, Undecided) and holds(bounds).all():
            words = f"margin at least {floor_text(Fraction(float(bounds.min())))} on {len(bounds):,} balls"
            return Proved(f"exact bounds on every {found.norm} ball", words)
        if fault() is None:
            return Proved("the theorem's network, built again, and exact distances", f"{needs}: margin at least 1")
        if (wrong := refuted(network, data, found, holds, bounds)) is not None:
            return wrong
        reason = bounds.reason if isinstance(bounds, Undecided) else f"Bounds leave a margin of {bounds.min():g} only."
        return Undecided(f"{reason} It is not the theorem's network either: {fault()} differs.")

    ball = f"within {found.delta} in {found.norm} of a point"
    error = f"Every input {ball} gets that point's label: zero robust error on these {len(found.labels):,} points."
    margin = f"Every input {ball} gets that point's label with a margin of at least 1."
    return (
        Claim("robust-radius", error, found.delta, Tag.DERIVED, "", lambda: evidence(lambda left: left > 0)),
        Claim("margin", margin, 1, Tag.DERIVED, "", lambda: evidence(lambda left: left >= 1)),
    )


def require_fit(network: Network, found: Separated) -> None:
    """Refuses a network that cannot be one for this data.

    Raises:
        InvalidInput: it reads another number of coordinates, or has outputs for other classes.
    """
    outputs = 1 if found.classes == 2 else found.classes
    if (network.input_width, network.output_width) != (found.width, outputs):
        raise InvalidInput(
            f"A network of {network.input_width} inputs and {network.output_width} outputs is none for points of "
            f"{found.width} coordinates in {found.classes} classes, which takes {outputs} output(s)."
        )


def margins(bounds: Intervals, labels: Int64[np.ndarray, " b"]) -> Float64[np.ndarray, " b"]:
    """The least margin that bounds (b, 1) of a signed output, or (b, k) of the classes' scores, leave."""
    if bounds.lower.shape[1] == 1:
        return np.where(labels == 1, bounds.lower[:, 0], -bounds.upper[:, 0])
    rows = np.arange(len(labels))
    others = bounds.upper.copy()
    others[rows, labels] = -np.inf
    return _less(bounds.lower[rows, labels], others.max(axis=1))


def _less(one: Float64[np.ndarray, " b"], other: Float64[np.ndarray, " b"]) -> Float64[np.ndarray, " b"]:
    """``one - other`` rounded down: to nearest, and a step down where its error, found exactly, is negative."""
    nearest = one - other
    back = nearest - one
    error = (one - (nearest - back)) - (other + back)
    return np.where(error < 0, np.nextafter(nearest, -np.inf), nearest)


def _least_margins(
    network: Network, found: Separated, bounding: Bounding | None
) -> Float64[np.ndarray, " N"] | Undecided:
    """A lower bound of the margin on every ball."""
    if bounding is None:
        return Undecided("Interval bounds of this network are not tight.")
    if (weights := network.count().nnz) * len(found.labels) > DIRECT_COST:
        return Undecided(f"Enclosing {len(found.labels):,} balls through {weights:,} weights takes too long.")
    blocks = _blocks(network, len(found.labels))
    try:
        return np.concatenate([margins(bounding(network, found, rows), found.labels[rows]) for rows in blocks])
    except Inexact as error:
        return Undecided(str(error))


def _blocks(network: Network, count: int) -> Iterator[Int64[np.ndarray, " b"]]:
    size = max(1, _CELLS // max(network.widths))
    return (np.arange(start, min(start + size, count)) for start in range(0, count, size))


def refuted(
    network: Network,
    data: Labelled,
    found: Separated,
    holds: Callable[[np.ndarray], np.ndarray],
    bounds: Float64[np.ndarray, " N"] | Undecided,
) -> Refuted | None:
    """An input of a ball with a margin that does not hold; looked for where ``bounds``, else margins, are smallest.

    None when none was found, and for networks too large to be evaluated exactly.
    """
    if (weights := network.count().nnz) > EXACT_COST:
        return None
    if isinstance(bounds, Undecided):
        rows = np.arange(min(len(data.labels), DIRECT_COST // max(weights, 1)))
        scores = network.evaluate(data.points[rows])
        bounds = margins(Intervals(scores, scores), data.labels[rows])
    exact = ExactNetwork(network)
    for row in np.argsort(bounds, kind="stable")[:_ATTEMPTS].tolist():
        point = _worst_try(network, data, found, row)
        margin = _exact_margin(exact.evaluate(point), int(data.labels[row]))
        if not holds(np.array(margin)):
            words = f"the margin is {float(margin):g} at {point.tolist()}, in the ball of point {row}"
            return Refuted("exact evaluation", words)
    return None


def _worst_try(network: Network, data: Labelled, found: Separated, row: int) -> Float64[np.ndarray, " d"]:
    """Of a given point and inputs of its ball of ``delta`` next to points of other classes the one of least margin."""
    label = int(data.labels[row])
    rivals = data.points[data.labels != label][:_CANDIDATES]
    tries = np.vstack([data.points[row], _towards(data.points[row], rivals, found)])
    scores = network.evaluate(tries)
    return tries[int(np.argmin(margins(Intervals(scores, scores), np.full(len(tries), label))))]


def _exact_margin(scores: list[Fraction], label: int) -> Fraction:
    if len(scores) == 1:
        return scores[0] if label == 1 else -scores[0]
    return scores[label] - max(score for c, score in enumerate(scores) if c != label)


def _towards(
    centre: Float64[np.ndarray, " d"], goals: Float64[np.ndarray, "g d"], found: Separated
) -> Float64[np.ndarray, "g d"]:
    """For each goal an input within ``delta`` of ``centre``, nearly as close to the goal as that allows."""
    inner = float(found.delta) * (1 - 2.0**-30)
    steps = goals - centre
    if found.norm is Norm.LINF:
        moved = centre + np.clip(steps, -inner, inner)
    else:
        lengths = np.abs(steps).sum(axis=1, keepdims=True)
        moved = centre + steps * np.minimum(1.0, inner / lengths)
    return moved[[_within(centre, point, found) for point in moved]]


def _within(centre: Float64[np.ndarray, " d"], point: Float64[np.ndarray, " d"], found: Separated) -> bool:
    gaps = [abs(Fraction(a) - Fraction(b)) for a, b in zip(centre.tolist(), point.tolist(), strict=True)]
    return (max(gaps) if found.norm is Norm.LINF else sum(gaps)) <= found.delta
