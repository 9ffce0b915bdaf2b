"""Interval bounds of a network that are exact: in float64 where no sum can round, in integers otherwise.

A sum of multiples of ``2**g`` whose absolute values add up to less than ``2**(g + 53)`` is exact in float64 in every
order of summation. Constructions are dyadic by design, so that almost all of them pass this test layer by layer, and
their interval bounds are those of rational arithmetic at the speed of matrix products.
"""

import dataclasses as dc
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float64

from certify.network import Add, Affine, Network, Op, ReLU
from constructions.dyadic import COARSEST, lowest_bits


class Inexact(Exception):
    """A sum might round: the bounds cannot be computed exactly in float64."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Elementwise bounds (B, m) of a batch."""

    lower: Float64[np.ndarray, "B m"]
    upper: Float64[np.ndarray, "B m"]


def enclose(network: Network, boxes: Intervals) -> Intervals:
    """The interval-arithmetic bounds of the outputs on each box, without any rounding.

    Raises:
        Inexact: some sum might round in float64, or the network has a convolution.
    """
    return folded(network, boxes, _bound)


def _bound(op: Op, reads: list[Intervals]) -> Intervals:
    match op:
        case Affine():
            return _affine(op, reads[0])
        case ReLU():
            return Intervals(np.maximum(reads[0].lower, 0.0), np.maximum(reads[0].upper, 0.0))
        case Add():
            return _added(reads[0], reads[1])
        case _:
            raise Inexact(f"{type(op).__name__} has no exact interval rule here.")


def folded(network: Network, boxes: Intervals, rule: Callable[[Op, list[Intervals]], Intervals]) -> Intervals:
    """The bounds of the output, node by node by ``rule``; what no later node reads is let go."""
    last = {k: i for i, node in enumerate(network.nodes) for k in node.inputs}
    values = {0: boxes}
    for i, node in enumerate(network.nodes):
        values[i + 1] = rule(node.op, [values[k] for k in node.inputs])
        for k in set(node.inputs):
            if last[k] == i:
                del values[k]
    return values[len(network.nodes)]


def _affine(op: Affine, read: Intervals) -> Intervals:
    weight = sp.csr_array(op.weight)
    size = np.maximum(np.abs(read.lower), np.abs(read.upper)).max(axis=0, initial=0.0)
    columns = np.minimum(lowest_bits(read.lower).min(axis=0), lowest_bits(read.upper).min(axis=0))
    products = lowest_bits(weight.data) + columns[weight.indices]
    grain = min(int(products.min(initial=COARSEST)), int(lowest_bits(op.bias).min(initial=COARSEST)))
    demand_exact((abs(weight) @ size + np.abs(op.bias)).max(initial=0.0), grain)
    up, down = weight.maximum(0.0), weight.minimum(0.0)
    lower = (up @ read.lower.T + down @ read.upper.T).T + op.bias
    upper = (up @ read.upper.T + down @ read.lower.T).T + op.bias
    return Intervals(np.ascontiguousarray(lower), np.ascontiguousarray(upper))


def _added(one: Intervals, other: Intervals) -> Intervals:
    pairs = ((one.lower, other.lower), (one.upper, other.upper))
    for left, right in pairs:
        total = float((np.abs(left) + np.abs(right)).max(initial=0.0))
        demand_exact(total, int(min(lowest_bits(left).min(), lowest_bits(right).min())))
    return Intervals(one.lower + other.lower, one.upper + other.upper)


def demand_exact(total: float, grain: int) -> None:
    """That sums of multiples of ``2**grain`` are exact when their absolute values add up to ``total``.

    The float ``total`` is itself rounded, by far less than the factor 1.01 left for that.

    Raises:
        Inexact: some of them might round.
    """
    if not np.isfinite(total) or grain < -1074 or Fraction(total) * Fraction(101, 100) >= Fraction(2) ** (53 + grain):
        raise Inexact(f"Sums up to {total:g} of multiples of 2**{grain} may round in float64.")
