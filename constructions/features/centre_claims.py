"""What is claimed of feature networks: the radius at every centre, its share of the optimum, silence in noise."""

import decimal
import functools
import math
from collections.abc import Callable, Mapping
from fractions import Fraction

import numpy as np
from jaxtyping import Bool

import bounds
from bounds.entry import Tag
from bounds.values import Enclosed, Exact
from certify.network import Affine, Network
from certify.rounding import print_ceil, print_floor
from constructions.distributions import Clusters
from constructions.dyadic import ceil_to, floor_to
from constructions.features.centres import CentreRadii, activations
from constructions.theorem import Claim, Evidence, Proved, Refuted, Undecided

_SLACK = Fraction(1, 10**8)
"""Features and weights are float64, so a radius is claimed from this much, relatively, below the exact one."""

_WIDTH = 1 + 3 * _SLACK
"""The radius is at most this times the claimed number."""

_BITS = 60
_HOW = "half-spaces bound it below and a witness above; rounding is bounded, the weights are those of the network"

Letters = Mapping[str, int | Fraction]
Measure = Callable[[], CentreRadii | Undecided]


def radius_claims(measure: Measure, clusters: Clusters, entry: str, letters: Letters) -> tuple[Claim, ...]:
    """The least radius; exactly those at the positive and at the negative centres; the least one against the best.

    ``entry`` predicts them, ``letters`` are those of its letters that the clusters do not settle.
    """
    once = functools.cache(measure)
    K_plus, K_minus = clusters.balance
    known = {"d": clusters.d, "k": clusters.k} | dict(letters)
    positive, negative = (
        floor_to(_evaluated(entry, known | {"K_minus": rivals})[0] * (1 - _SLACK), _BITS)
        for rivals in (K_minus, K_plus)
    )
    least, everywhere = min(positive, negative), np.ones(clusters.k, dtype=bool)
    statement = f"Every centre keeps its class under every perturbation shorter than {print_floor(float(least))} in l2."
    return (
        Claim("robust-radius", statement, least, _tag(entry), entry, _proof(once, everywhere, least, math.inf)),
        _exact_claim("positive", once, clusters.positive, positive, entry),
        _exact_claim("negative", once, ~clusters.positive, negative, entry),
        _optimality_claim(once, clusters, least),
    )


def _exact_claim(side: str, measure: Measure, marks: Bool[np.ndarray, " k"], value: Fraction, entry: str) -> Claim:
    statement = (
        f"At every {side} centre the l2 radius is {print_floor(float(value))}, up to a relative 3e-8: "
        f"{bounds.catalogue[entry].formula()}."
    )
    proof = _proof(measure, marks, value, value * _WIDTH)
    return Claim(f"centre-radius-{side}", statement, value, _tag(entry), entry, proof)


def _optimality_claim(measure: Measure, clusters: Clusters, radius: Fraction) -> Claim:
    entry = "clusters.any-classifier.radius"
    limit = _evaluated(entry, {"d": clusters.d})[1]
    share = floor_to(radius / limit, 40)
    statement = (
        f"The radius at every centre is at least {print_floor(float(share))} of sqrt(d/2), the largest radius at "
        f"which any classifier keeps both classes."
    )
    proof = _proof(measure, np.ones(clusters.k, dtype=bool), share * limit, math.inf)
    return Claim("optimality", statement, share, _tag(entry), entry, proof)


def _proof(
    measure: Measure, marks: Bool[np.ndarray, " k"], least: Fraction, most: Fraction | float
) -> Callable[[], Evidence]:
    """The proof that the radii at the marked centres lie in ``[least, most]``."""

    def proof() -> Evidence:
        radii = measure()
        if isinstance(radii, Undecided):
            return radii
        lower, upper = float(radii.lower[marks].min()), radii.upper[marks]
        if lower >= least and float(upper.max()) <= most:
            return Proved(_HOW, f"the radii at {len(upper)} centres lie in {_span(lower, float(upper.max()))}")
        if float(upper.min()) < least:
            j = int(np.flatnonzero(marks)[upper.argmin()])
            return Refuted(
                "a witness, evaluated", f"the centre of cluster {j} changes class {print_ceil(upper.min())} away"
            )
        return Undecided(
            f"The radii are only known to lie in {_span(lower, float(upper.max()))}. Find them with python -m certify."
        )

    return proof


def silence_claim(network: Network, clusters: Clusters, beta: Fraction, sigma: Fraction) -> Claim:
    """How likely noise activates a neuron of another cluster: ``(k - 1) Phi(-beta sqrt(d) / sigma)``, a union bound.

    For neuron j at cluster i != j the activation is Gaussian; the claim is proved by its mean, over its deviation.
    """
    entry = "f-robust.noise.activation"
    letters = {"k": clusters.k, "d": clusters.d, "beta": beta, "sigma": sigma * (1 + 2 * _SLACK)}
    chance = _evaluated(entry, letters)[1]
    value = ceil_to(chance, max(40, 40 - _exponent(chance)))
    limit = -float(beta) * clusters.d**0.5 * (1 - 1e-8)

    def proof() -> Evidence:
        first = network.nodes[0].op
        if not isinstance(first, Affine) or first.output_width != clusters.k:
            return Undecided(f"The network does not begin with a neuron for each of the {clusters.k} clusters.")
        means = activations(first, clusters.features)
        np.fill_diagonal(means, -np.inf)
        if means.max() <= limit:
            return Proved(
                "each activation in units of its deviation, rounding bounded",
                f"the mean activations by other clusters are at most {means.max():.6g} deviations / sigma",
            )
        return Undecided(f"A neuron's mean activation by another cluster is {means.max():.6g}, above {limit:.6g}.")

    statement = (
        f"A sample of noise {float(sigma):g} activates a neuron of another cluster with probability at most "
        f"{_short_ceiling(value)}."
    )
    return Claim("silent-in-noise", statement, value, _tag(entry), entry, proof)


def _evaluated(entry: str, letters: Letters) -> tuple[Fraction, Fraction]:
    """A lower and an upper end of an entry's value; it takes those letters that it contains."""
    found = bounds.catalogue[entry]
    own = {str(letter) for letter in found.letters}
    value = found.evaluate(**{name: given for name, given in letters.items() if name in own})
    assert isinstance(value, Enclosed | Exact), f"{entry} has no value at {dict(letters)}"
    return _rational(value.lower), _rational(value.upper)


def _rational(end: "Fraction | bounds.values.Dyadic") -> Fraction:
    """An end of a value, exactly."""
    if isinstance(end, Fraction):
        return end
    sign, mantissa, exponent, _ = end._mpf_
    return Fraction(-1 if sign else 1) * int(mantissa) * Fraction(2) ** int(exponent)


def _tag(entry: str) -> Tag:
    return bounds.catalogue[entry].tag


def _span(lower: float, upper: float) -> str:
    return f"[{print_floor(lower)}, {print_ceil(upper)}]"


def _short_ceiling(value: Fraction) -> str:
    """Three digits, rounded up."""
    with decimal.localcontext() as context:
        context.prec, context.rounding = 3, decimal.ROUND_CEILING
        return str(decimal.Decimal(value.numerator) / decimal.Decimal(value.denominator))


def _exponent(value: Fraction) -> int:
    """``floor(log2 value)``, up to one."""
    return value.numerator.bit_length() - value.denominator.bit_length()
