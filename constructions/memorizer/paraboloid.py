"""Bumps on a paraboloid: with the squared norm as one more coordinate, an l2 ball is a half-space."""

import dataclasses as dc
from fractions import Fraction
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float64

import bounds
from bounds.entry import Source, Tag
from bounds.values import Exact
from certify.network import Affine, Network, Node, ReLU
from constructions.compose import Chain, Forms
from constructions.counting import count_claims
from constructions.dyadic import exact_float, rational
from constructions.memorizer.bumps import Readout
from constructions.memorizer.hinges import require_size
from constructions.memorizer.rebuilding import rebuilt_claims
from constructions.memorizer.separated import Separated
from constructions.memorizer.squared import (
    Fall,
    enough_levels,
    largest_coordinate,
    power_above,
    separated_for_squares,
    summed_squares,
)
from constructions.theorem import Claim, Construction, Evidence, Family, Labelled, Proved, Refuted, Theorem, parameter

_WEIGHT = "verify.paraboloid.weight"


@dc.dataclass(frozen=True)
class Paraboloid(Family):
    """A bump around each point of the smaller class, each a single unit on top of one shared sum of squares.

    In the cube ``|x_j| <= r``, r a power of two that covers all balls, let ``v = (x + r) / 2r`` and ``Q = sum_j
    f(v_j)`` with f the sawtooth interpolant of the square on ``2**-levels``. Then

        ``S_i = 4 r**2 (Q - 2 <v_i, v> + ||v_i||**2)``,  ``||x - c_i||**2 <= S_i <= ||x - c_i||**2 + r**2 d 4**-levels``

    because ``0 <= f(t) - t*t <= 4**-(levels + 1)``, and the bump of ``Fall`` is one unit over (Q, v). The two
    inequalities hold at every point of the cube, so that distances between points decide everything: own balls have
    ``S_i <= inner`` and the bump at least 1, balls of other classes have ``S_i >= outer`` and all bumps exactly 0. Two
    classes: ``f = +-(2 sum - 1)`` with bumps on the smaller one. k classes: the sum of each class's bumps. Either way
    the margin is at least 1. (Each S_i is also convex, f being so: its minimum over a ball, or over the part of
    it in a polyhedron, is a convex program.)

    Outside the cube the network means nothing (li2022, Theorem 2.2, in l2, with O(Nd + d log) weights, zeros included
    only O(Nd + d**2 log)).
    """

    name: ClassVar[str] = "paraboloid"
    theorem: ClassVar[Theorem] = Theorem(
        "Robust memorisation in l2 by bumps on a paraboloid",
        "N points of classes 2 eps apart in l2, n of them in the smaller class, are classified with zero robust error "
        "at every radius delta < eps by n (d + 3) + d (8 s - 2) + s weights, s of the order of "
        "log(d / (eps (eps - delta))).",
        Source("li2022", "Theorem 2.2, explicit form"),
        Tag.DERIVED,
    )

    delta: Fraction = parameter("radius in l2, below half the distance of the classes")
    levels: int = parameter("levels of the sawtooth squares; 0 for as few as suffice", default=0)

    def build(self, data: Labelled | None) -> Network:
        """The network; see ``Family.build``."""
        assert data is not None
        found = separated_for_squares(data, self.delta)
        readout, (half, levels) = Readout.of(found), _lift(found, self.levels)
        require_size(len(readout.carriers) * (found.width + 1), f"{len(readout.carriers):,} bumps")
        chain = Chain(found.width)
        cells = chain.inputs().scaled(exact_float(1 / (2 * half))) + 0.5
        everything = sp.csr_array(np.ones((1, found.width)))
        squares, cells = summed_squares(chain, cells, everything, levels, carry=True)
        chain.relu(squares, cells)
        fall = Fall.of(found, half**2 * found.width / 4**levels)
        chain.relu(bump_forms(found.points[readout.carriers], half, fall))
        return chain.output(readout.forms)

    def claims(self, network: Network, data: Labelled | None) -> tuple[Claim, ...]:
        """Zero robust error and margin 1, by rebuilding and the closest pair; sizes; the largest weight of a bump."""
        assert data is not None
        found = separated_for_squares(data, self.delta)
        half, levels = _lift(found, self.levels)
        robust = rebuilt_claims(network, data, found, build=lambda: self.build(data), margin=Fraction(1), entry="")
        letters = {"n": len(Readout.of(found).carriers), "d": found.width, "s": levels}
        counts = ("nnz", "dense", "units", "depth") if found.classes == 2 else ("nnz", "units", "depth")
        entries = {count: f"robust-memorizer.paraboloid.{count}" for count in counts}
        return (*robust, *count_claims(network, entries, letters), _weight_claim(network, found, half))


def paraboloid(points: object, labels: object, *, delta: object, levels: int = 0) -> Construction:
    """Bumps on a paraboloid around labelled points, robust at l2 radius ``delta``; see ``Paraboloid``.

    Raises:
        InvalidInput: points or labels of no meaning, ``delta`` not below half the distance of the classes, or
            ``levels`` that do not suffice.
    """
    return Paraboloid(rational(delta, "delta"), levels).construct(Labelled.of(points, labels))


def _lift(found: Separated, wanted: int) -> tuple[Fraction, int]:
    """Half the width of the cube, and the levels of the squares."""
    half = power_above(largest_coordinate(found))
    return half, enough_levels(found, half**2 * found.width, wanted, least=1)


def bump_forms(centres: Float64[np.ndarray, "n d"], half: Fraction, fall: Fall) -> Forms:
    """``slope * (outer - S_i)`` as forms of the units Q, v; all numbers are exact on the grid of the points."""
    slope, moved = exact_float(fall.slope), centres + exact_float(half)
    biases = slope * (exact_float(fall.outer) - np.einsum("ij,ij->i", moved, moved))
    weights = np.empty((len(centres), centres.shape[1] + 1))
    weights[:, 0] = -exact_float(4 * half**2 * fall.slope)
    weights[:, 1:] = exact_float(4 * half * fall.slope) * moved
    return Forms.of(weights, biases)


def _weight_claim(network: Network, found: Separated, half: Fraction) -> Claim:
    """No weight of a bump exceeds what ``bounds`` says of it, at the distance and radius on the grid."""
    entry = bounds.catalogue[_WEIGHT]
    predicted = entry.evaluate(b=half, eps=found.distance / 2, delta=found.radius)
    assert isinstance(predicted, Exact)
    most = predicted.value

    def proof() -> Evidence:
        last = len(network.nodes)
        match network.nodes[-3:]:
            case (Node(Affine() as bumps, _), Node(ReLU(), inputs), Node(Affine(), (before,))) if (
                inputs == (last - 2,) and before == last - 1
            ):
                largest = float(np.abs(next(bumps.parameters)).max(initial=0.0))
            case _:
                return Refuted("compared", "there is no layer of bumps before the output")
        words = f"the largest is {largest!r}"
        return Proved("compared", words) if Fraction(largest) <= most else Refuted("compared", words)

    statement = f"No weight of a bump, a unit of the last layer, exceeds {most}: {entry.formula()}."
    return Claim("weight", statement, most, entry.tag, _WEIGHT, proof)
