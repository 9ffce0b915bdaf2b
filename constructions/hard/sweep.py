"""A network's exact bounds on the boxes around all points of a set, in blocks that bound memory."""

import dataclasses as dc
from fractions import Fraction

import numpy as np
from jaxtyping import Float64, Int64

from certify.exact import ExactNetwork
from certify.network import Network
from constructions.decimals import floor_text
from constructions.enclosure import Inexact, Intervals, enclose
from constructions.theorem import Evidence, Proved, Refuted, Undecided

_BLOCK = 2**21
"""Numbers of one block's widest layer."""


def work(network: Network, boxes: int) -> int:
    """How many interval bounds a sweep over so many boxes computes."""
    return boxes * sum(network.widths)


def sweep(network: Network, boxes: Intervals) -> Intervals:
    """The interval bounds (B, 1) of the output on each box, without rounding.

    Where everything passes through one value that is a single number on every box, as a grid index is, what follows is
    computed once per number.

    Raises:
        Inexact: some sum might round in float64.
    """
    place = _waist(network)
    if place is None:
        return _in_blocks(network, boxes)
    ops = [node.op for node in network.nodes]
    index = _in_blocks(Network.chain(ops[:place], network.input_shape), boxes)
    numbers, where = np.unique(np.concatenate([index.lower, index.upper]), return_inverse=True)
    if (index.lower != index.upper).any() or len(numbers) > len(boxes.lower):
        return _in_blocks(network, boxes)
    rest = Network.chain(ops[place:])
    found = _in_blocks(rest, Intervals(numbers[:, None], numbers[:, None]))
    first = where.ravel()[: len(boxes.lower)]
    return Intervals(found.lower[first], found.upper[first])


@dc.dataclass(frozen=True, slots=True, eq=False)
class Attacked:
    """Points (B, d) with labels 0 or 1 (B,), each of which may move by ``reach`` (d,) in every coordinate."""

    points: Float64[np.ndarray, "B d"]
    labels: Int64[np.ndarray, " B"]
    reach: Float64[np.ndarray, " d"]

    def boxes(self) -> Intervals:
        """Where the points may be."""
        return Intervals(self.points - self.reach, self.points + self.reach)


def margin_evidence(network: Network, attacked: Attacked, margin: Fraction) -> Evidence:
    """Whether the output is on its label's side, by at least ``margin >= 0``, wherever the points may be."""
    labels = attacked.labels
    try:
        bounds = sweep(network, attacked.boxes())
    except Inexact as problem:
        return Undecided(str(problem))
    signed = np.where(labels == 1, bounds.lower[:, 0], -bounds.upper[:, 0])
    worst = int(signed.argmin())
    if not _suffices(Fraction(float(signed[worst])), margin):
        return _at_point(network, attacked.points[worst], int(labels[worst]), worst, margin)
    wide = int((bounds.lower != bounds.upper).sum())
    exact = "every output interval is a single number" if not wide else f"{wide:,} output intervals have a width"
    least = floor_text(Fraction(float(signed[worst])))
    found = f"on {len(labels):,} boxes, which contain the balls, the margin is at least {least}; {exact}"
    return Proved("interval arithmetic without rounding", found)


def _at_point(
    network: Network, point: Float64[np.ndarray, " d"], label: int, position: int, margin: Fraction
) -> Evidence:
    """Refuted when the margin is missed at the point itself, in exact arithmetic; else not decided."""
    value = ExactNetwork(network).evaluate(point)[0]
    if not _suffices(value if label == 1 else -value, margin):
        return Refuted("evaluated exactly", f"point {position}, label {label}, is given the output {float(value):g}")
    return Undecided(
        f"Interval arithmetic does not prove the claim around point {position}, and the network is right there. Find "
        f"its radius with python -m certify."
    )


def _suffices(found: Fraction, margin: Fraction) -> bool:
    return found > 0 and found >= margin


def _waist(network: Network) -> int | None:
    """How many ops come before the first hidden value of a single number, if the network is a chain with one."""
    if any(node.inputs != (i,) for i, node in enumerate(network.nodes)):
        return None
    hidden = network.widths[1:-1]
    return hidden.index(1) + 1 if 1 in hidden else None


def _in_blocks(network: Network, boxes: Intervals) -> Intervals:
    size = max(1, _BLOCK // max(network.widths))
    starts = range(0, len(boxes.lower), size)
    parts = [enclose(network, Intervals(boxes.lower[i : i + size], boxes.upper[i : i + size])) for i in starts]
    return Intervals(np.concatenate([p.lower for p in parts]), np.concatenate([p.upper for p in parts]))
