"""The two-parameter classifier of the hard set: never wrong, and broken at every point."""

import dataclasses as dc
from collections.abc import Callable
from fractions import Fraction
from typing import ClassVar

import numpy as np

from bounds.entry import Source, Tag
from certify.exact import ExactNetwork
from certify.network import Network
from constructions.compose import Chain
from constructions.counting import count_claims
from constructions.enclosure import Inexact
from constructions.generalisation.faults import require_shape
from constructions.hard.sets import HardSet
from constructions.hard.sweep import Attacked, margin_evidence, sweep
from constructions.theorem import Claim, Evidence, Family, Labelled, Proved, Theorem, Undecided, parameter


@dc.dataclass(frozen=True, slots=True)
class HardSetLinear(Family):
    """``f(x) = x_d - 1/2`` on the hard set: clean error 0 and robust error 1 at radius c eps.

    The mid-points (i/K, 1/2) are within ``offset <= c eps`` of their points and get the output 0, an error for both
    labels (li2022, Section 4).
    """

    name: ClassVar[str] = "hard-set-linear"
    needs_data: ClassVar[bool] = False
    theorem: ClassVar[Theorem] = Theorem(
        "Theorem 4.3: linearly separable data, robust classification of which is expensive",
        "Two parameters classify the hard set without error, and every one of its points is broken at radius c eps.",
        Source("li2022", "Theorem 4.3, the set"),
        Tag.PAPER,
    )

    d: int = parameter("input dimension, at least 2")
    eps: Fraction = parameter("half the distance that the classes keep, at most 1/2")
    c: Fraction = parameter("attack radius divided by eps, below 1", default=Fraction(1, 2))
    offset: Fraction = parameter("how far the labels push the last coordinate; 0: small", default=Fraction(0))
    seed: int = parameter("the draw of the labels", default=0)

    def hard_set(self) -> HardSet:
        """The data."""
        return HardSet(self.d, self.eps, self.c, self.offset, self.seed)

    def build(self, data: Labelled | None) -> Network:
        """The classifier; it depends on d alone."""
        del data
        chain = Chain(self.hard_set().inputs)
        return chain.output(chain.inputs().take([self.d - 1]) - 0.5)

    def claims(self, network: Network, data: Labelled | None) -> tuple[Claim, ...]:
        """Clean error 0, robust error 1, and the count."""
        del data
        hard = self.hard_set()
        require_shape(network, hard.inputs)
        letters = {"d": self.d, "eps": self.eps}
        return (
            _claim(
                "clean-error", f"All {hard.count:,} points are classified correctly.", 0, lambda: _clean(network, hard)
            ),
            _claim(
                "robust-error",
                f"Each of the {hard.count:,} points has a counterexample within c eps = {hard.radius}, in every norm.",
                1,
                lambda: _broken(network, hard),
            ),
            *count_claims(network, {"nnz": "hard-set.clean.nnz"}, letters),
        )


def _claim(name: str, statement: str, value: int, proof: Callable[[], Evidence]) -> Claim:
    return Claim(name, statement, Fraction(value), Tag.PAPER, "", proof)


def _slack(hard: HardSet) -> np.ndarray:
    """How far an exact point may be from its float64 point, by coordinate."""
    return np.append(np.full(hard.inputs - 1, float(hard.movement)), 0.0)


def _clean(network: Network, hard: HardSet) -> Evidence:
    """Both at the exact points and at the float64 points."""
    return margin_evidence(network, Attacked(hard.points(), hard.labels(), _slack(hard)), Fraction(0))


def _broken(network: Network, hard: HardSet) -> Evidence:
    """Every mid-point lies in the closed ball, exactly ``offset`` away, and must be on the wrong side or on none."""
    attacked = Attacked(hard.midpoints(), hard.labels(), _slack(hard))
    try:
        bounds = sweep(network, attacked.boxes())
    except Inexact as problem:
        return Undecided(str(problem))
    kept = np.where(attacked.labels == 1, bounds.upper[:, 0], -bounds.lower[:, 0]) > 0
    if not kept.any():
        return Proved(
            "a witness for each point, evaluated without rounding",
            f"the output at all {hard.count:,} mid-points, {hard.offset} from their points, is an error",
        )
    first = int(kept.argmax())
    value = ExactNetwork(network).evaluate(attacked.points[first])[0]
    return Undecided(f"The mid-point of point {first} is given the output {float(value):g}, so it is no witness here.")
