"""The memorizer of the paper itself: for every sample a sub-network that squares its coordinate distances."""

import dataclasses as dc
from fractions import Fraction
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float64

from bounds.entry import Source, Tag
from certify.network import Network
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
    power_above,
    separated_for_squares,
    summed_squares,
)
from constructions.theorem import Claim, Construction, Family, Labelled, Theorem, parameter


@dc.dataclass(frozen=True)
class SampleSquares(Family):
    """A bump around each point of the smaller class, each on top of squares of its own, all in parallel.

    ``S_i = R**2 sum_j f(|x_j - c_ij| / R)`` with f the sawtooth interpolant of the square on ``2**-levels`` and R a
    power of two that covers all coordinate distances on all balls, so that ``||x - c_i||**2 <= S_i <= ||x - c_i||**2 +
    d R**2 4**-(levels + 1)``. The rest, and why it is sound, is as for ``paraboloid``: own balls have bump at least 1,
    balls of other classes exactly 0, and elsewhere the network means nothing. The construction that
    (li2022, Theorem 2.2) describes, quantified, at every radius below half the distance of the classes and with
    O(Nd log(d / (eps (eps - delta)))) weights.
    """

    name: ClassVar[str] = "squares-per-sample"
    theorem: ClassVar[Theorem] = Theorem(
        "Robust memorisation in l2 by squares of every sample",
        "N points of classes 2 eps apart in l2, n of them in the smaller class, are classified with zero robust error "
        "at every radius delta < eps by n squaring sub-networks in parallel, n (7 d s + 4 d + s + 1) + 1 weights, s of "
        "the order of log(d / (eps (eps - delta))).",
        Source("li2022", "Theorem 2.2, the construction itself"),
        Tag.DERIVED,
    )

    delta: Fraction = parameter("radius in l2, below half the distance of the classes")
    levels: int = parameter("levels of the sawtooth squares; 0 for as few as suffice", default=0)

    def build(self, data: Labelled | None) -> Network:
        """The network; see ``Family.build``."""
        assert data is not None
        found = separated_for_squares(data, self.delta)
        readout, (span, levels) = Readout.of(found), _span(found, self.levels)
        n, d = len(readout.carriers), found.width
        require_size(7 * n * d, f"{n:,} sub-networks in {d:,} dimensions")
        chain = Chain(d)
        (hinges,) = chain.relu(_hinges(found.points[readout.carriers]))
        shares = hinges.combined(sp.kron(sp.eye_array(n * d), np.full((1, 2), exact_float(1 / span)), format="csr"))
        samples = sp.csr_array(sp.kron(sp.eye_array(n), np.ones((1, d)), format="csr"))
        squares, _ = summed_squares(chain, shares, samples, levels, carry=False)
        fall = Fall.of(found, span**2 * d / 4 ** (levels + 1))
        chain.relu(squares.scaled(-exact_float(fall.slope * span**2)) + exact_float(fall.slope * fall.outer))
        return chain.output(readout.forms)

    def claims(self, network: Network, data: Labelled | None) -> tuple[Claim, ...]:
        """Zero robust error and margin 1, by rebuilding and the closest pair; sizes."""
        assert data is not None
        found = separated_for_squares(data, self.delta)
        robust = rebuilt_claims(network, data, found, build=lambda: self.build(data), margin=Fraction(1), entry="")
        letters = {"n": len(Readout.of(found).carriers), "d": found.width, "s": _span(found, self.levels)[1]}
        counts = ("nnz", "dense", "units", "depth") if found.classes == 2 else ("nnz", "units", "depth")
        return robust + count_claims(network, {c: f"robust-memorizer.{self.name}.{c}" for c in counts}, letters)


def squares_per_sample(points: object, labels: object, *, delta: object, levels: int = 0) -> Construction:
    """A squaring sub-network for every sample of the smaller class, robust at l2 radius ``delta``.

    See ``SampleSquares``.

    Raises:
        InvalidInput: points or labels of no meaning, too many of them, ``delta`` not below half the distance of the
            classes, or ``levels`` that do not suffice.
    """
    return SampleSquares(rational(delta, "delta"), levels).construct(Labelled.of(points, labels))


def _span(found: Separated, wanted: int) -> tuple[Fraction, int]:
    """What covers every ``|x_j - c_ij|`` on the balls, and the levels of the squares."""
    widest = Fraction(float((found.points.max(axis=0) - found.points.min(axis=0)).max()))
    span = power_above(widest + found.radius)
    return span, enough_levels(found, span**2 * found.width / 4, wanted, least=2)


def _hinges(centres: Float64[np.ndarray, "n d"]) -> Forms:
    """``x_j - c_ij`` and ``c_ij - x_j``, coordinate after coordinate, centre after centre."""
    n, d = centres.shape
    columns = np.tile(np.repeat(np.arange(d), 2), n)
    signs = np.tile([1.0, -1.0], n * d)
    weight = sp.csr_array((signs, columns, np.arange(2 * n * d + 1)), shape=(2 * n * d, d))
    return Forms.of(weight, -signs * np.repeat(centres.ravel(), 2))
