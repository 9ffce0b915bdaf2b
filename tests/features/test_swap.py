"""The universal attacks on averaging, on random networks: one translation exchanges the classes."""

import numpy as np
import pytest

from bounds import Enclosed, Exact, catalogue
from certify.network import Affine, Network, ReLU
from constructions.distributions import Clusters


def translation(clusters: Clusters) -> np.ndarray:
    """``tau = -v_+ / K_+ + v_- / K_-``: what exchanges the class sums of a positive and a negative cluster."""
    K_plus, K_minus = clusters.balance
    sums = clusters.class_sums
    return -sums[0] / K_plus + sums[1] / K_minus


def random_clusters(chance: np.random.Generator) -> Clusters:
    k = int(chance.integers(2, 9))
    return Clusters.orthogonal(k, 24, K_plus=int(chance.integers(1, k)), seed=int(chance.integers(2**31)))


def random_averaging_net(clusters: Clusters, chance: np.random.Generator, spread: float) -> tuple[Network, float]:
    """Neurons on positive combinations of one class's features, any scales and biases, and their largest ratio."""
    m = int(chance.integers(1, 5))
    own = np.repeat([clusters.positive, ~clusters.positive], m, axis=0)
    lam = own * np.exp(spread * chance.uniform(size=own.shape))
    ratio = max(float(row[row > 0].max() / row[row > 0].min()) for row in lam)
    scale, bias = np.exp(chance.standard_normal(2 * m)), 2 * chance.standard_normal(2 * m)
    weight = scale[:, None] * lam @ clusters.features / clusters.d
    readout = np.repeat([1.0, -1.0], m)[None, :] / m
    return Network.chain([Affine(weight, bias), ReLU(2 * m), Affine(readout, np.zeros(1))]), ratio


@pytest.mark.parametrize("seed", range(40))
def test_a_translation_turns_every_positive_sample_into_a_negative_one_and_back(seed: int) -> None:
    chance = np.random.default_rng(seed)
    for _ in range(25):
        clusters = random_clusters(chance)
        net, ratio = random_averaging_net(clusters, chance, spread=float(chance.choice([0.0, 1.0])))
        tau = ratio * translation(clusters)
        positive, negative = clusters.features[clusters.positive], clusters.features[~clusters.positive]
        noise = chance.standard_normal((5, 1, clusters.d))

        def values(points: np.ndarray, net: Network = net) -> np.ndarray:
            return net.evaluate(points.reshape(-1, 24)).reshape(5, -1)

        moved, there = values(positive + noise + tau), values(negative + noise)
        back, here = values(negative + noise - tau), values(positive + noise)
        assert (moved.max(axis=1) <= there.min(axis=1) + 1e-9).all()
        assert (back.min(axis=1) >= here.max(axis=1) - 1e-9).all()


@pytest.mark.parametrize("balance", [(1, 1), (3, 3), (2, 5)])
def test_the_translation_has_the_length_of_the_catalogue(balance: tuple[int, int]) -> None:
    clusters = Clusters.orthogonal(sum(balance), 24, K_plus=balance[0], seed=0)
    found = catalogue["averaged.swap-radius"].evaluate(d=24, K_plus=balance[0], K_minus=balance[1])
    assert isinstance(found, Enclosed | Exact)
    assert np.linalg.norm(translation(clusters)) == pytest.approx(float(found.lower))
