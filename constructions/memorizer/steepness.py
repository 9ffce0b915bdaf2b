"""Claims about how steep bumps are: the largest weight, and the Lipschitz constant of a bump in l1 and linf."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np

import bounds
from bounds.values import Exact
from certify.network import Linear, Network
from certify.region import Norm
from constructions.decimals import ceil_text
from constructions.enclosure import Inexact
from constructions.memorizer.bumps import slope
from constructions.memorizer.separated import Separated
from constructions.memorizer.slopes import steepest
from constructions.theorem import Claim, Evidence, Proved, Refuted, Undecided


def steepness_claims(network: Network, found: Separated) -> tuple[Claim, ...]:
    """The largest weight and the Lipschitz constants of the bumps, the second layer's units, for linf bumps."""
    tau, d = 1 / slope(found), found.width
    return (
        _claim("weight", {"tau": tau}, "No weight is larger than {}.", lambda: _largest_weight(network)),
        _claim(
            "lipschitz.l1",
            {"tau": tau},
            "No bump changes by more than {} times the l1 distance.",
            lambda: _steepest(network, Norm.L1),
        ),
        _claim(
            "lipschitz.inf",
            {"tau": tau, "d": d},
            "No bump changes by more than {} times the linf distance.",
            lambda: _steepest(network, Norm.LINF),
        ),
    )


def _claim(name: str, letters: dict[str, int | Fraction], words: str, found: Callable[[], Fraction]) -> Claim:
    identifier = f"verify.hinge-bumps.{name}"
    entry = bounds.catalogue[identifier]
    predicted = entry.evaluate(**letters)
    assert isinstance(predicted, Exact)

    def proof() -> Evidence:
        try:
            largest = found()
        except Inexact as error:
            return Undecided(str(error))
        if largest <= predicted.value:
            return Proved("read off the weights", f"at most {ceil_text(largest)}")
        if name == "weight":
            return Refuted("read off the weights", f"a weight of size {float(largest):g}")
        return Undecided(f"The weights allow {float(largest):g}; whether that is attained was not decided.")

    return Claim(name, words.format(predicted.value), predicted.value, entry.tag, identifier, proof)


def _largest_weight(network: Network) -> Fraction:
    maps = [node.op for node in network.nodes if isinstance(node.op, Linear)]
    return Fraction(max(float(np.abs(next(op.parameters)).max(initial=0.0)) for op in maps))


def _steepest(network: Network, norm: Norm) -> Fraction:
    return Fraction(float(steepest(network, norm).max()))
