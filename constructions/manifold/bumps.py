"""The classifier by bumps around a net: positive on the plateaus, -1 beyond the ramps."""

import dataclasses as dc
from collections.abc import Mapping
from fractions import Fraction

import numpy as np
from jaxtyping import Float64

from certify.network import Network
from constructions.compose import Chain
from constructions.counting import count_claims
from constructions.dyadic import exact_float, shorten_up
from constructions.memorizer.hinges import Hinges
from constructions.theorem import Claim

_DIGITS = 8
"""Significant bits of the slope ``1 / ramp``: few, so that sums of hinges stay exact."""


def bump_counts(
    network: Network, centres: Float64[np.ndarray, "K m"], stem: str, letters: Mapping[str, int | Fraction]
) -> tuple[Claim, ...]:
    """The size of a bump classifier, exactly and by the formula that shares no hinges.

    ``stem`` is ``manifold.cover`` or ``manifold.projected``; ``letters`` are those of the entries, less K_A and H.
    """
    values = sum(len(np.unique(column)) for column in centres.T)
    known = {**letters, "K_A": len(centres), "H": values}
    (plain,) = count_claims(network, {"nnz": f"{stem}.nnz"}, known)
    return (*count_claims(network, {"nnz": f"{stem}.shared.nnz"}, known), dc.replace(plain, name="nnz-unshared"))


def bump_classifier(chain: Chain, centres: Float64[np.ndarray, "K m"], *, plateau: Fraction, ramp: Fraction) -> Network:
    """``2 sum_i relu(1 - sum_j [hinges of coordinate j beyond c_ij +- plateau] / ramp) - 1`` of the last layer's units.

    At least 1 within ``plateau`` of a centre in linf, -1 from ``plateau + ramp`` on from every centre. ``centres +-
    plateau`` must be exact in float64; the ramp is shortened to one with a short inverse.
    """
    hinges = Hinges.around(centres, plateau)
    (bent,) = chain.relu(hinges.forms)
    (bumps,) = chain.relu(bent.combined(hinges.excess(-exact_float(shorten_up(1 / ramp, _DIGITS)))) + 1.0)
    return chain.output(bumps.combined(np.full((1, len(centres)), 2.0)) - 1.0)
