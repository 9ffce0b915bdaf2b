"""What gradient descent learned, exactly: the weight decomposition into features and noise (li2025, Lemma).

``w = w0 + sum_j lambda_j mu_j / ||mu_j||^2 + sum_i sigma_i xi_i`` with the noise ``xi_i = x_i - mu_c(i)`` of training
point i. The coefficient lambda_j is the logit that the neuron contributes on cluster j. Both follow from the trainer's
``alpha``: ``sigma = alpha`` and ``lambda_j = ||mu_j||^2 sum of alpha_i over cluster j``.
"""

import dataclasses as dc

import numpy as np
from jaxtyping import Bool, Float64

from constructions.distributions import Clusters, Sample


@dc.dataclass(frozen=True, slots=True, eq=False)
class Neurons:
    """The first layer of a net: ``weight`` (R, d) and ``bias`` (R,)."""

    weight: Float64[np.ndarray, "r d"]
    bias: Float64[np.ndarray, " r"]


@dc.dataclass(frozen=True, slots=True, eq=False)
class Decomposition:
    """The first layer before and after training, and ``alpha`` (R, n): how much of each training point was added.

    ``own`` (R, k) marks the clusters of a neuron's own class; ``biased`` says whether biases were trained.
    """

    initial: Neurons
    final: Neurons
    alpha: Float64[np.ndarray, "r n"]
    sample: Sample
    clusters: Clusters
    own: Bool[np.ndarray, "r k"]
    biased: bool

    @property
    def sigma(self) -> Float64[np.ndarray, "r n"]:
        """The coefficients on the noise of each training point."""
        return self.alpha

    @property
    def lam(self) -> Float64[np.ndarray, "r k"]:
        """The coefficients on the features, as the logit that each contributes at its cluster's centre."""
        return self.alpha @ shares(self.sample, self.clusters)

    @property
    def features_part(self) -> Float64[np.ndarray, "r d"]:
        """``sum_j lambda_j mu_j / ||mu_j||^2``."""
        return (self.lam / np.square(self.clusters.features).sum(axis=1)) @ self.clusters.features

    @property
    def noise_part(self) -> Float64[np.ndarray, "r d"]:
        """``sum_i sigma_i xi_i``: what was memorised of the training points' noise."""
        return self.sigma @ (self.sample.points - self.clusters.features[self.sample.cluster])

    def weight_error(self) -> float:
        """By how much the decomposition misses what was learned, relative to it: rounding only. The worst neuron."""
        learned = self.final.weight - self.initial.weight
        missed = np.linalg.norm(learned - self.features_part - self.noise_part, axis=1)
        return _worst_ratio(missed, np.linalg.norm(learned, axis=1))

    def bias_error(self) -> float:
        """By how much ``sum_i alpha_i`` misses the learned bias, relative to ``sum_i |alpha_i|``.

        Biases that are not trained must not have moved at all.
        """
        missed = self.final.bias - self.initial.bias - self.alpha.sum(axis=1) * self.biased
        return _worst_ratio(np.abs(missed), np.abs(self.alpha).sum(axis=1))

    def largest_ratio(self) -> float:
        """The largest ratio of two coefficients of one neuron on clusters of its own class; infinite when one is 0.

        Near 1 the neuron averages its features.
        """
        own = np.where(self.own, self.lam, np.nan)
        least, largest = np.nanmin(own, axis=1), np.nanmax(own, axis=1)
        return float(np.where(least > 0, largest / np.where(least > 0, least, 1.0), np.inf).max())

    def noise_share(self) -> Float64[np.ndarray, " r"]:
        """The length of the noise part relative to that of the whole weight, per neuron."""
        return np.linalg.norm(self.noise_part, axis=1) / np.linalg.norm(self.final.weight, axis=1)

    def cosines(self) -> Float64[np.ndarray, "r k"]:
        """The cosine between each neuron's weight and each feature."""
        weights, features = (_units(rows) for rows in (self.final.weight, self.clusters.features))
        return weights @ features.T


def shares(sample: Sample, clusters: Clusters) -> Float64[np.ndarray, "n k"]:
    """Entry (i, j) is ``||mu_j||^2`` where point i is in cluster j, else 0: it turns coefficients into lambda."""
    membership = sample.cluster[:, None] == np.arange(clusters.k)[None, :]
    return membership * np.square(clusters.features).sum(axis=1)


def _worst_ratio(errors: Float64[np.ndarray, " r"], sizes: Float64[np.ndarray, " r"]) -> float:
    return float((errors[sizes > 0] / sizes[sizes > 0]).max(initial=0.0))


def _units(rows: Float64[np.ndarray, "r d"]) -> Float64[np.ndarray, "r d"]:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
