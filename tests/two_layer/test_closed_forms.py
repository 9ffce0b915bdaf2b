"""Networks whose radius is a formula: averaged features, one neuron a cluster with and without a bias."""

import numpy as np
import pytest

from certify.network import Affine, Network, ReLU
from tests.two_layer.nets import Answer, asked, net, solved

D, K = 64, 6
MEANS = np.sqrt(D) * np.linalg.qr(np.random.default_rng(5).normal(size=(D, K)))[0].T
POINTS = MEANS + np.random.default_rng(6).normal(size=(K, D))
LABELS = [1] * (K // 2) + [0] * (K // 2)
SIDE = np.repeat([1.0, -1.0], K // 2)


def check(answers: list[Answer], radii: np.ndarray) -> None:
    for answer, radius in zip(answers, radii, strict=True):
        assert answer.lower <= radius * (1 + 1e-12)
        assert radius <= answer.upper * (1 + 1e-12)
        assert answer.upper - answer.lower <= 2e-7 * answer.upper
        assert answer.settled


@pytest.mark.parametrize("copies", [1, 4])
def test_averaged_features_have_the_radius_of_the_formula(copies: int) -> None:
    plus, minus = MEANS[: K // 2].mean(0), MEANS[K // 2 :].mean(0)
    weight = np.repeat([plus, minus], copies, axis=0) * (1 + np.arange(2 * copies))[:, None]
    readout = np.repeat([1.0, -1.0], copies) / copies / (1 + np.arange(2 * copies))
    network = net(weight, np.zeros(2 * copies), readout)
    up, down = POINTS @ plus, POINTS @ minus
    own, other = np.where(SIDE > 0, up, down), np.where(SIDE > 0, down, up)
    lengths = np.where(SIDE > 0, np.linalg.norm(plus), np.linalg.norm(minus))
    both = np.hypot(np.linalg.norm(plus), np.linalg.norm(minus))
    check(solved(asked(network, POINTS, LABELS)), np.minimum(own / lengths, (own - other) / both))


@pytest.mark.parametrize("beta", [0.1, 0.25, 0.4])
def test_a_bias_on_each_cluster_gives_the_radius_of_the_formula(beta: float) -> None:
    network = net(MEANS, np.full(K, -beta * D), SIDE)
    points = MEANS + 0.1 * (POINTS - MEANS)
    height = points @ MEANS.T / np.sqrt(D)
    radii = []
    for i in range(K):
        own = height[i, i] - beta * np.sqrt(D)
        below = np.sort(beta * np.sqrt(D) - height[i, SIDE[i] != SIDE])
        steps = [(own + below[:q].sum()) / np.sqrt(q + 1) for q in range(len(below) + 1)]
        radii.append(min(steps))
    check(solved(asked(network, points, LABELS)), np.array(radii))


def test_argmax_over_one_neuron_a_class_gives_half_the_distance_to_the_nearest_rival() -> None:
    network = Network.chain([Affine(MEANS, np.zeros(K)), ReLU(K), Affine(np.eye(K), np.zeros(K))])
    height = POINTS @ MEANS.T / np.sqrt(D)
    own = height.diagonal()
    rivals = np.where(np.eye(K, dtype=bool), -np.inf, height).max(1)
    check(solved(asked(network, POINTS, range(K))), np.minimum((own - rivals) / np.sqrt(2), own))
