"""Two-layer networks whose robustness no chord shows: the kinds on which an exact solver has to work.

All are binary, with inputs of dimension d and points from clusters around orthogonal features of length sqrt(d), but
for the random one.
"""

import dataclasses as dc
from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float64, Int64

from certify.network import Affine, Network, ReLU
from certify.region import Norm
from constructions.distributions import ClusterDistribution, Clusters
from constructions.theorem import Labelled
from constructions.training import MlpSettings, Pgd, Watch, train_mlp

_K, _PER_CLUSTER, _EPOCHS = 10, 50, 40

_SPREAD = 0.5
"""How far the neurons of a noisy decoupled net lie from their cluster's feature, as a share of its length."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class RobustNet:
    """A network with points that it classifies as their labels 0 or 1 say."""

    network: Network
    data: Labelled


def _net(network: Network, points: Float64[np.ndarray, "b n"], labels: Int64[np.ndarray, " b"]) -> RobustNet:
    right = network.evaluate(points)[:, 0] * (2 * labels - 1) > 0
    return RobustNet(network, Labelled(points[right], labels[right]))


def _sample(clusters: Clusters, count: int, seed: int) -> Labelled:
    drawn = ClusterDistribution(clusters, 1.0).sample(count, seed)
    return Labelled(drawn.points, (drawn.label > 0).astype(np.int64))


def _binary(weight: Float64[np.ndarray, "g d"], bias: Float64[np.ndarray, " g"], readout: np.ndarray) -> Network:
    return Network.chain([Affine(weight, bias), ReLU(len(bias)), Affine(readout[None, :], np.zeros(1))])


def decoupled(k: int, d: int, count: int) -> RobustNet:
    """One neuron a cluster, its own feature, without a bias."""
    clusters = Clusters.orthogonal(k, d, seed=k)
    data = _sample(clusters, count, 1)
    network = _binary(clusters.features, np.zeros(k), clusters.signs)
    return _net(network, data.points, data.labels)


def noisy_decoupled(m: int, d: int, count: int) -> RobustNet:
    """2 m / 10 neurons for each of 10 clusters, each near its cluster's feature."""
    clusters, rng = Clusters.orthogonal(_K, d, seed=m), np.random.default_rng(m)
    copies = 2 * m // _K
    weight = np.repeat(clusters.features, copies, axis=0)
    weight = weight + _SPREAD * rng.normal(size=weight.shape)
    readout = np.repeat(clusters.signs, copies) / copies
    data = _sample(clusters, count, 1)
    return _net(_binary(weight, np.zeros(2 * m), readout), data.points, data.labels)


def adversarial(m: int, share: float, d: int, count: int) -> RobustNet:
    """Adversarially trained on 10 clusters, with m neurons a class, both layers and the biases free.

    Training attacks up to ``share`` of the largest possible radius sqrt(d / 2).
    """
    clusters = Clusters.orthogonal(_K, d, seed=m)
    train, test = _sample(clusters, _K * _PER_CLUSTER, 0), _sample(clusters, count, 1)
    attack = Pgd(Norm.L2, share * float(np.sqrt(d / 2)), steps=7)
    watch = Watch(Pgd(Norm.L2, 0.0, steps=1), every=10**9)
    network = train_mlp(MlpSettings((2 * m,), _EPOCHS, attack=attack), train, test, watch=watch).network
    return _net(network, test.points, test.labels)


def gaussian(m: int, d: int, count: int) -> RobustNet:
    """2 m neurons with random weights and biases, at those of many random points whose outputs are largest."""
    rng = np.random.default_rng(m)
    network = _binary(rng.normal(size=(2 * m, d)) / np.sqrt(d), rng.normal(size=2 * m), np.repeat([1.0, -1.0], m))
    points = rng.normal(size=(20 * count, d))
    points = points[np.argsort(-np.abs(network.evaluate(points)[:, 0]))[:count]]
    return _net(network, points, (network.evaluate(points)[:, 0] > 0).astype(np.int64))


HARD: Mapping[str, Callable[[int, int], RobustNet]] = {
    "decoupled k = 40": lambda d, count: decoupled(40, d, count),
    "decoupled k = 100": lambda d, count: decoupled(100, d, count),
    "noisy decoupled m = 20": lambda d, count: noisy_decoupled(20, d, count),
    "noisy decoupled m = 50": lambda d, count: noisy_decoupled(50, d, count),
    "adversarially trained to 0.3, m = 20": lambda d, count: adversarial(20, 0.3, d, count),
    "adversarially trained to 0.7, m = 20": lambda d, count: adversarial(20, 0.7, d, count),
    "adversarially trained to 0.7, m = 50": lambda d, count: adversarial(50, 0.7, d, count),
    "random m = 40": lambda d, count: gaussian(40, d, count),
}
"""By name: a maker from the dimension and the number of points; m counts the neurons of each class.

Trained to 0.3: attacked up to that share of sqrt(d / 2).
"""
