"""Robust memorisation on top of a clean classifier: overridden on the balls, left alone elsewhere."""

import dataclasses as dc
import functools
from collections.abc import Callable
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

import bounds
from bounds.entry import Source, Tag
from bounds.values import Exact
from certify.errors import InvalidInput
from certify.network import Add, Affine, Network, Node, ReLU
from certify.region import Norm
from constructions.compose import Forms, affine
from constructions.decimals import ceil_text
from constructions.dyadic import ceil_to, exact_float, rational, shorten_up
from constructions.enclosure import Intervals
from constructions.memorizer.bumps import hypothesis, letters, separated_for_bumps, slope
from constructions.memorizer.hinges import Hinges
from constructions.memorizer.margins import refuted
from constructions.memorizer.separated import Separated
from constructions.outward import enclose_outward
from constructions.sameness import difference
from constructions.theorem import (
    Claim,
    Construction,
    Evidence,
    Family,
    Labelled,
    Proved,
    Refuted,
    Theorem,
    Undecided,
    parameter,
)
from constructions.wiring import Wiring, ordered

_THEOREM = Theorem(
    "Robust memorisation on top of a clean classifier",
    "Any classifier f can be changed inside the balls around n points whose classes are 2 eps > 2 delta apart in linf, "
    "so that these balls are classified right and f is left as it is elsewhere, with n (6d + 3) + 9 more weights.",
    Source("cgro", "memorisation on top of a clean classifier, explicit form"),
    Tag.DERIVED,
)
_BRANCH = 13
"""Nodes after those of the clean classifier."""

_GATE = 7
"""Which of them makes -K S'."""

_DIGITS = 8


@dc.dataclass(frozen=True, slots=True)
class Cgro(Family):
    """``F = relu(f - K S') - relu(-f - K S') + sum_i y_i b_i`` with ``S' = 1 - relu(1 - sum_i b_i)``, y_i = -1 or 1.

    b_i are the hinge bumps around all given points, f is the clean classifier of one output and any graph, and
    ``|f| <= K`` on the balls. On a ball ``S' = 1``, both gates are shut, the bumps of its class sum up to at least 1
    and the others vanish. Where all bumps vanish ``F = relu(f) - relu(-f) = f`` (cgro, memorisation on top of a clean
    classifier; explicit form derived).

    In a network of this family, its nodes in depth-first order, the clean classifier is all but the last 13.
    """

    name: ClassVar[str] = "cgro"
    theorem: ClassVar[Theorem] = _THEOREM

    delta: Fraction = parameter("radius in linf, below half the distance of the classes among the covered points")
    bound: Fraction = parameter("K, at least |f| on the balls; 0: its interval bound", default=Fraction(0))
    clean: Network | None = parameter("the clean classifier, of one output", default=None, stored=False)

    def build(self, data: Labelled | None) -> Network:
        """The clean classifier with a branch for the points beside it."""
        if self.clean is None:
            raise InvalidInput("cgro changes a clean classifier: give it one (clean=network).")
        found = self._start(data)
        _require_fit(self.clean, found)
        bound = self.bound or shorten_up(_largest_output(self.clean, found), _DIGITS)
        return _branched(self.clean, found, exact_float(bound))

    def claims(self, network: Network, data: Labelled | None) -> tuple[Claim, ...]:
        """Zero robust error with margin 1 on the covered balls, the clean classifier elsewhere, and the extra size."""
        assert data is not None
        network = ordered(network)
        found, parts = self._start(data), _parts(network)
        _require_fit(parts.clean, found)

        @functools.cache
        def fault() -> str | None:
            return difference(network, _branched(parts.clean, found, parts.bound))

        def elsewhere() -> Evidence:
            if fault() is not None:
                return Undecided(
                    f"This is not the theorem's network on top of the classifier in it: {fault()} differs."
                )
            return Proved("the theorem's network on top of the classifier in it", "all bumps vanish there: F = f")

        def covered(holds: Callable[[np.ndarray], np.ndarray]) -> Evidence:
            bounded = _bounded(parts, found) if fault() is None else elsewhere()
            if isinstance(bounded, Undecided):
                return refuted(network, data, found, holds, bounded) or bounded
            return bounded

        return (*_radius_claims(found, covered), _elsewhere_claim(found, elsewhere), _extra(network, parts, found))

    def _start(self, data: Labelled | None) -> Separated:
        assert data is not None
        found = separated_for_bumps(data, Norm.LINF, self.delta)
        if found.classes > 2:
            raise InvalidInput(f"cgro changes the sign of one output; these points have {found.classes} classes.")
        if self.bound < 0:
            raise InvalidInput(f"K bounds |f| and cannot be negative, got {self.bound}.")
        return found


def _require_fit(clean: Network, found: Separated) -> None:
    if (clean.input_width, clean.output_width) != (found.width, 1):
        raise InvalidInput(
            f"The clean classifier maps {clean.input_width} numbers to {clean.output_width}; for these points it must "
            f"map {found.width} to one, whose sign is the class."
        )


@dc.dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """What a network of this family was made of: the clean classifier, and K."""

    clean: Network
    bound: float


def _parts(network: Network) -> _Parts:
    """The nodes before the branch, and the bias of its gates.

    Raises:
        InvalidInput: the network does not have the shape of this family.
    """
    rest, gate = network.nodes[:-_BRANCH], network.nodes[-_BRANCH:][_GATE : _GATE + 1]
    match gate:
        case (Node(Affine() as op, (_,)),) if rest and op.output_width == 2:
            return _Parts(Network(network.input_shape, rest), -float(op.bias[0]))
        case _:
            raise InvalidInput("The network is no classifier with a branch for covered points beside it.")


def _bounded(parts: _Parts, found: Separated) -> Proved | Undecided:
    """Whether the interval bounds of the clean classifier on all balls are at most K."""
    largest = _largest_output(parts.clean, found)
    if largest > parts.bound:
        return Undecided(f"Interval bounds of |f| on the balls reach {float(largest):g}, above K = {parts.bound:g}.")
    return Proved(
        "the theorem's network on top of the classifier in it, exact distances and intervals rounded outwards",
        f"{hypothesis(found)}, and |f| <= {ceil_text(largest)} on the balls, "
        f"not above K = {parts.bound!r}: margin at least 1",
    )


def _largest_output(clean: Network, found: Separated) -> Fraction:
    """An upper bound above 0 of ``|f|`` on all balls."""
    reach = exact_float(found.radius)
    size = max(1, 2**22 // max(clean.widths))
    largest = 2.0**-20
    for start in range(0, len(found.points), size):
        centres = found.points[start : start + size]
        outputs = enclose_outward(clean, Intervals(centres - reach, centres + reach))
        largest = max(largest, -float(outputs.lower.min()), float(outputs.upper.max()))
    return Fraction(largest)


def _branched(clean: Network, found: Separated, bound: float) -> Network:
    """The graph: clean classifier, bumps, gates, sum."""
    n, signs = len(found.labels), 2.0 * found.labels[None, :] - 1.0
    hinges = Hinges.around(found.points, found.radius)
    excess = Forms.of(hinges.excess(-exact_float(slope(found))), 1.0)
    wiring = Wiring(clean.input_shape)
    f = wiring.embed(clean)
    above = wiring.apply(ReLU(len(hinges.forms)), wiring.apply(affine(hinges.forms), 0))
    bumps = wiring.apply(ReLU(n), wiring.apply(affine(excess), above))
    rest = wiring.apply(ReLU(1), wiring.apply(_dense(np.full((1, n), -1.0), 1.0), bumps))  # 1 - S'
    both = wiring.apply(_dense([[1.0], [-1.0]], 0.0), f)
    opened = wiring.apply(_dense([[bound], [bound]], -bound), rest)  # -K S': 0 where no bump is, in floats as well
    gates = wiring.apply(ReLU(2), wiring.apply(Add(2), both, opened))
    passed = wiring.apply(_dense([[1.0, -1.0]], 0.0), gates)
    wiring.apply(Add(1), passed, wiring.apply(_dense(signs, 0.0), bumps))
    return ordered(wiring.network())


def _dense(weight: Any, bias: float) -> Affine:
    return affine(Forms.of(sp.csr_array(np.asarray(weight, dtype=np.float64)), bias))


def _radius_claims(
    found: Separated, covered: Callable[[Callable[[np.ndarray], np.ndarray]], Evidence]
) -> tuple[Claim, Claim]:
    words = (
        f"Every input within {found.delta} in linf of one of the {len(found.labels):,} covered points gets its label"
    )
    right, wide = (lambda: covered(lambda margin: margin > 0)), (lambda: covered(lambda margin: margin >= 1))
    return (
        Claim("robust-radius", f"{words}.", found.delta, Tag.DERIVED, "", right),
        Claim("margin", f"{words} with a margin of at least 1.", 1, Tag.DERIVED, "", wide),
    )


def _elsewhere_claim(found: Separated, proof: Callable[[], Evidence]) -> Claim:
    far = ceil_to(found.radius + 1 / slope(found) + found.movement, found.bits)
    words = f"At every input farther than {far} in linf from all covered points the output is the clean classifier's."
    return Claim("clean-elsewhere", words, far, Tag.DERIVED, "", proof)


def _extra(network: Network, parts: _Parts, found: Separated) -> Claim:
    """The weights and biases beside the clean classifier's, fewer than the formula's where hinges are shared."""
    entry = bounds.catalogue["robust-training.cgro.extra.explicit"]
    known = letters(found, len(found.labels))
    predicted = entry.evaluate(**{name: known[name] for name in ("n", "d", "eps", "delta")})
    assert isinstance(predicted, Exact)
    equal = network.count().nnz - parts.clean.count().nnz == predicted.value

    def proof() -> Evidence:
        extra = network.count().nnz - parts.clean.count().nnz
        holds = extra == predicted.value if equal else extra <= predicted.value
        return (Proved if holds else Refuted)("counted", f"{extra:,} more non-zero weights and biases")

    words = f"The branch has {'exactly' if equal else 'at most'} {int(predicted.value):,} non-zero weights and biases."
    return Claim("extra", words, predicted.value, entry.tag, entry.id, proof)


def cgro(clean: Network, points: Any, labels: Any, *, delta: Any, bound: Any = 0) -> Construction:
    """The classifier ``clean`` changed on the linf balls around these points, with its claims; see ``Cgro``.

    Raises:
        InvalidInput: balls of different classes that overlap or touch, points of one class only, or a classifier that
            does not map points to one number.
    """
    return Cgro(rational(delta, "delta"), rational(bound, "bound"), clean).construct(Labelled.of(points, labels))
