"""The networks of the feature-averaging theory, written down from the features: robust, averaged, decoupled.

All have one hidden layer; a k-class one becomes binary through ``constructions.readouts``.
"""

import math

import numpy as np
from jaxtyping import Float64

from certify.errors import InvalidInput
from certify.network import Affine, Network, ReLU
from constructions.distributions import Clusters


def f_robust(clusters: Clusters, beta: float) -> Network:
    """``sum_+ relu(<mu_j, x> - beta d) - sum_- relu(<mu_l, x> - beta d)``: one filtered neuron per cluster.

    (li2025, Section 3.) Orthogonal features of length sqrt(d) and ``beta`` in [sqrt(3/2) - 1, 1 - sqrt(1/2)] give the
    largest radius that any classifier has at the centres; 1/4 lies in there.

    Raises:
        InvalidInput: ``beta`` outside [0, 1), where neurons answer to no cluster or to noise.
    """
    if not 0 <= beta < 1:
        raise InvalidInput(f"beta = {beta} is outside [0, 1): a neuron must be silent at 0 and active at its feature.")
    return _two_layers(clusters.features, np.full(clusters.k, -beta * clusters.d), clusters.signs[None, :])


def feature_averaged(clusters: Clusters, *, copies: int = 1, biases: tuple[float, float] = (0.0, 0.0)) -> Network:
    """``relu(<v_+, x> + b_+) - relu(<v_-, x> + b_-)`` with the sums v of each class's features (li2025, Figure 1).

    ``copies`` makes each neuron that many equal ones of weight ``1 / copies`` each, as the learner's.

    Raises:
        InvalidInput: no copies.
    """
    if copies < 1:
        raise InvalidInput(f"{copies} copies of each neuron: at least 1 is needed.")
    weight, bias = np.repeat(clusters.class_sums, copies, axis=0), np.repeat(np.array(biases, dtype=float), copies)
    return _two_layers(weight, bias, np.repeat([[1.0, -1.0]], copies, axis=1) / copies)


def feature_decoupled(clusters: Clusters, *, copies: int = 1) -> Network:
    """The k scores ``f_i = relu(<mu_i, x>)``, each computed by ``copies`` equal neurons (li2025, Theorem 4.7)."""
    return blended(clusters, 0.0, copies=copies)


def blended(clusters: Clusters, share: float, *, copies: int = 1) -> Network:
    """The k scores ``relu(<mu_i + c v_s(i), x>)``, with c = ``share`` of the features of the whole class mixed in.

    Without noise it names every cluster right for every c >= 0, and loses the decoupled network's robustness
    (li2025, Proposition 4.8).

    Raises:
        InvalidInput: a negative share, or no copies.
    """
    if not share >= 0 or copies < 1:
        raise InvalidInput(f"A share of {share} and {copies} copies: at least 0, and at least 1, are needed.")
    mixed = clusters.features + share * clusters.class_sums[(~clusters.positive).astype(int)]
    scores = np.repeat(np.eye(clusters.k), copies, axis=1) / copies
    return _two_layers(np.repeat(mixed, copies, axis=0), np.zeros(clusters.k * copies), scores)


def frei(clusters: Clusters) -> Network:
    """One neuron ``relu(4 <mu_j, x> / d - 2)`` per cluster (frei2023, Theorem 4.1): ``f_robust`` at 1/2, scaled."""
    return _two_layers(4 * clusters.features / clusters.d, np.full(clusters.k, -2.0), clusters.signs[None, :])


def min_vidal(clusters: Clusters, *, power: float | None = None) -> Network:
    """The two networks of min2024 on features of length 1, here ``mu_j / sqrt(d)``.

    ``power`` None: F, which adds up the features of a class. Else ``F^(p) = sum_+ relu(.)^p - sum_- relu(.)^p``.

    Raises:
        InvalidInput: a power other than 1, which is no ReLU network; ``power_margins`` evaluates it.
    """
    scale = math.sqrt(clusters.d)
    if power is None:
        return _two_layers(clusters.class_sums / scale, np.zeros(2), np.array([[1.0, -1.0]]))
    if power != 1:
        raise InvalidInput(
            f"ReLU to the power {power} is not piecewise linear, so it is no ReLU network. Its values: "
            f"constructions.features.power_margins; its radius: entry relu-power.radius of bounds."
        )
    return _two_layers(clusters.features / scale, np.zeros(clusters.k), clusters.signs[None, :])


def power_margins(clusters: Clusters, points: Float64[np.ndarray, "b d"], power: float) -> Float64[np.ndarray, " b"]:
    """``F^(p)`` of min2024 at ``points``: ``sum_+ relu(u_j)^p - sum_- relu(u_l)^p`` with ``u_j = <mu_j, x> / sqrt(d)``.

    Raises:
        InvalidInput: a power below 1.
    """
    if not power >= 1:
        raise InvalidInput(f"A power of {power}: at least 1 is needed.")
    return np.maximum(clusters.coordinates(points), 0.0) ** power @ clusters.signs


def _two_layers(
    weight: Float64[np.ndarray, "r d"], bias: Float64[np.ndarray, " r"], readout: Float64[np.ndarray, "o r"]
) -> Network:
    return Network.chain([Affine(weight, bias), ReLU(len(bias)), Affine(readout, np.zeros(len(readout)))])
