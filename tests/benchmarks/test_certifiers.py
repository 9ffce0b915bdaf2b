import math

import numpy as np
import pytest

from benchmarks import certifiers
from benchmarks.cluster_nets import ClusterNets, labelled, predicted, scaled
from certify.network import Affine, Network
from constructions.distributions import ClusterDistribution, Clusters
from constructions.features import f_robust, feature_decoupled, max_radii
from constructions.readouts import Readout, read_out
from constructions.theorem import Labelled
from constructions.training import find_preset

CLUSTERS = Clusters.orthogonal(6, 40, seed=3)
SAMPLE = ClusterDistribution(CLUSTERS, 0.5).sample(60, 1)
DATA = labelled(SAMPLE)


def test_half_spaces_give_the_closed_form_radii_of_the_maximum_read_out() -> None:
    scores = feature_decoupled(CLUSTERS)
    binary = read_out(scores, CLUSTERS.positive, Readout.MAX)
    found = certifiers.maximum_radii(scores, CLUSTERS.positive, binary, DATA)
    exact = max_radii(CLUSTERS.coordinates(DATA.points), CLUSTERS.positive, SAMPLE.label.astype(float))
    np.testing.assert_allclose(found.lower, exact, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.upper, exact, rtol=1e-8, atol=1e-8)


def test_half_spaces_agree_with_the_exact_solver_and_lie_below_every_counterexample() -> None:
    nets = ClusterNets.trained(scaled(find_preset("fast"), d=32, k=4), test=4)
    binary = nets.networks()["trained on k clusters, max"]
    data = labelled(nets.test)
    found = certifiers.maximum_radii(nets.k_class.network, nets.clusters.positive, binary, data)
    solved = certifiers.certified_maximum(nets.k_class.network, nets.clusters.positive, binary, data, seconds=20.0)
    assert (solved.lower <= found.upper).all()
    assert (found.lower <= solved.upper * (1 + 1e-6)).all()
    np.testing.assert_allclose(solved.lower, found.lower, rtol=2e-3)


def test_a_network_with_biases_is_not_read_as_bias_free_scores() -> None:
    with pytest.raises(AssertionError):
        certifiers.maximum_radii(f_robust(CLUSTERS, 0.25), CLUSTERS.positive, f_robust(CLUSTERS, 0.25), DATA)


def test_a_point_of_the_wrong_class_has_radius_zero_for_every_judge() -> None:
    network = Network.chain([Affine(np.array([[1.0, 0.0]]), np.zeros(1))])
    data = Labelled(np.array([[2.0, 0.0], [2.0, 0.0]]), np.array([1, 0]))
    assert certifiers.attacked(network, data)[1] == 0
    assert certifiers.attacked(network, data)[0] == pytest.approx(2.0, rel=1e-3)
    assert certifiers.pgd_accuracy(network, data, [0.0, 1.9, 2.1]).tolist() == [0.5, 0.5, 0.0]


def test_the_mean_radius_is_the_integral_of_the_survivors() -> None:
    radii = np.array([1.0, 2.0, 3.0, 0.0])
    deltas = np.linspace(0, 4, 4001).tolist()
    assert certifiers.mean_radius(deltas, certifiers.surviving(radii, deltas)) == pytest.approx(1.5, abs=2e-3)
    assert certifiers.mean_radius([0.0, 1.0, 2.0], np.array([0.5, 0.0, 0.5])) == pytest.approx(0.25)


def test_brackets_count_what_is_proved_below_and_what_is_not_broken_above() -> None:
    proved, left = certifiers.Brackets(np.array([1.0, 2.0]), np.array([2.0, 4.0])).accuracy([0.5, 1.5, 3.0])
    assert proved.tolist() == [1.0, 0.5, 0.0]
    assert left.tolist() == [1.0, 1.0, 0.5]


def test_predictions_are_the_values_of_the_catalogue() -> None:
    assert predicted("averaged.bias-free.radius", d=3072, k=10) == pytest.approx(math.sqrt(307.2), rel=1e-12)
