"""The paper's synthetic experiment at its own settings: coefficients, cosines, and radii that no attack can misjudge.

Expected numbers are those of the experiment (d = 3072, k = 10, 1000 points, 5 neurons a class, 100 steps), with their
spread over seeds.
"""

import numpy as np
import pytest

from certify.query import predictions
from certify.region import Norm
from constructions.distributions import ClusterDistribution, Clusters
from constructions.features.centres import CentreRadii, max_centre_radii, sum_centre_radii
from constructions.readouts import Readout, read_out
from constructions.theorem import Labelled
from constructions.training import (
    Pgd,
    Trained,
    find_preset,
    measure,
    predicted_lambda,
    train_k_class,
    train_two_class,
)

PRESET = find_preset("paper")
CLUSTERS = Clusters.orthogonal(PRESET.k, PRESET.d, seed=0)
DISTRIBUTION = ClusterDistribution(CLUSTERS, PRESET.sigma)
SAMPLE, FRESH = DISTRIBUTION.sample(PRESET.samples, 1), DISTRIBUTION.sample(300, 2)


@pytest.fixture(scope="module")
def two() -> Trained:
    return train_two_class(PRESET.two_class(), CLUSTERS, SAMPLE)


@pytest.fixture(scope="module")
def many() -> Trained:
    return train_k_class(PRESET.k_class(), CLUSTERS, SAMPLE)


def enclosed(radii: object) -> CentreRadii:
    assert isinstance(radii, CentreRadii)
    return radii


def test_both_nets_are_right_on_new_points_and_the_first_one_after_one_step(two: Trained, many: Trained) -> None:
    assert np.array_equal(predictions(two.network, FRESH.points) == 1, FRESH.label == 1)
    assert np.array_equal(predictions(many.network, FRESH.points), FRESH.cluster)
    assert two.history.accuracy[two.history.steps == 1].tolist() == [1.0]
    assert two.history.loss[[0, -1]] == pytest.approx([0.693, 0.17], abs=0.005)
    assert many.history.loss[[0, -1]] == pytest.approx([2.30, 0.04], abs=0.005)


def test_the_two_class_net_averages_its_features(two: Trained) -> None:
    learned, own = two.decomposition, two.decomposition.own
    assert two.history.lam_min[-1] == pytest.approx(1.54, abs=0.08)
    assert two.history.lam_max[-1] == pytest.approx(1.81, abs=0.05)
    assert learned.largest_ratio() <= 1.16
    assert two.history.lam_mean[-1] == pytest.approx(predicted_lambda(PRESET.two_class(), d=3072, k=10), rel=0.02)
    assert learned.cosines()[own] == pytest.approx(1 / np.sqrt(5), abs=0.045)
    assert learned.cosines()[~own] == pytest.approx(-0.028, abs=0.015)
    assert learned.noise_share() == pytest.approx(0.10, abs=0.01)
    assert -0.16 < two.history.lam_opposite[-1] < -0.08


def test_the_ten_class_net_decouples_its_features(many: Trained) -> None:
    learned, own = many.decomposition, many.decomposition.own
    assert many.history.lam_min[-1] > 5.2
    assert many.history.lam_max[-1] < 5.65
    assert many.history.lam_mean[-1] == pytest.approx(predicted_lambda(PRESET.k_class(), d=3072, k=10), rel=0.02)
    assert learned.cosines()[own] == pytest.approx(0.9935, abs=0.001)
    assert learned.cosines()[~own] == pytest.approx(-0.018, abs=0.01)


def test_the_centre_radii_are_those_of_the_theory(two: Trained, many: Trained) -> None:
    averaged = enclosed(sum_centre_radii(two.network, CLUSTERS))
    assert averaged.upper.max() / averaged.lower.min() < 1.15
    assert averaged.lower.mean() == pytest.approx(np.sqrt(3072 / 10), rel=0.01)
    assert averaged.upper.mean() == pytest.approx(np.sqrt(3072 / 10), rel=0.01)
    summed, largest = (read_out(many.network, CLUSTERS.positive, readout) for readout in (Readout.SUM, Readout.MAX))
    by_sum, by_max = enclosed(sum_centre_radii(summed, CLUSTERS)), enclosed(max_centre_radii(largest, CLUSTERS))
    assert by_sum.upper == pytest.approx(25.3, abs=0.7)  # the sum read-out is hardly better than averaging
    assert by_sum.lower.min() > 22
    assert by_max.lower.min() > 0.96 * np.sqrt(3072 / 2)
    assert by_max.upper.max() < 1.01 * np.sqrt(3072 / 2)


def test_a_plain_attack_calls_the_sum_read_out_robust_where_every_centre_breaks(many: Trained) -> None:
    summed = read_out(many.network, CLUSTERS.positive, Readout.SUM)
    radii = enclosed(sum_centre_radii(summed, CLUSTERS))
    assert radii.upper.max() < 28
    centres = Labelled.of(CLUSTERS.features, CLUSTERS.positive.astype(int))
    assert measure(summed, centres, Pgd(Norm.L2, 28.0, steps=40)).robust == 1.0
