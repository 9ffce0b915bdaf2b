"""Closed forms of radii against exact projections, and the networks against what the theory says of them."""

from fractions import Fraction

import numpy as np
import pytest

from bounds import Enclosed, Exact, catalogue
from certify.errors import InvalidInput
from certify.network import Network
from constructions.distributions import ClusterDistribution, Clusters
from constructions.features import (
    averaged_radii,
    blended,
    f_robust,
    feature_averaged,
    feature_decoupled,
    frei,
    max_radii,
    min_vidal,
    power_margins,
    sum_radii,
)
from constructions.readouts import Readout, read_out
from tests.oracles import robust_radius_squared

AXIS = Clusters.axis(4, 4, K_plus=2)  # sqrt(d) = 2 and x = u: everything dyadic
ONE_AGAINST_TWO = Clusters(np.eye(3, 4)[[2, 0, 1]] * 2.0, np.array([True, False, False]))


def points_of(clusters: Clusters, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Dyadic points near the centres, some far off, and their labels."""
    sample = ClusterDistribution(clusters, 0.7).sample(count, seed)
    return np.rint(sample.points * 16) / 16, sample.label.astype(np.float64)


def exact_radii(network: Network, points: np.ndarray, label: np.ndarray) -> list[float]:
    found = (robust_radius_squared(network, point, [[sign]], [0.0]) for point, sign in zip(points, label, strict=True))
    return [float(square) ** 0.5 for square in found if square is not None]


def value(identifier: str, **letters: object) -> float:
    found = catalogue[identifier].evaluate(**letters)
    assert isinstance(found, Exact | Enclosed)
    return float(found.lower)


@pytest.mark.parametrize("clusters", [AXIS, ONE_AGAINST_TWO], ids=["2+2", "1+2"])
@pytest.mark.parametrize("beta", [0.0, 0.25, 0.5])
def test_the_radius_of_one_neuron_per_feature_is_that_of_exact_projections(clusters: Clusters, beta: float) -> None:
    points, label = points_of(clusters, 8, 3)
    made = sum_radii(clusters.coordinates(points), clusters.positive, label, beta * 2)
    assert made == pytest.approx(exact_radii(f_robust(clusters, beta), points, label), abs=1e-12)
    assert (made > 0).sum() >= 5


@pytest.mark.parametrize(("clusters", "count"), [(AXIS, 1), (ONE_AGAINST_TWO, 5)], ids=["2+2", "1+2"])
def test_the_radius_of_the_max_read_out_is_that_of_exact_projections(clusters: Clusters, count: int) -> None:
    points, label = points_of(clusters, count, 4)
    network = read_out(feature_decoupled(clusters), clusters.positive, Readout.MAX)
    made = max_radii(clusters.coordinates(points), clusters.positive, label)
    assert made == pytest.approx(exact_radii(network, points, label), abs=1e-12)
    assert (made > 0).sum() >= 0.6 * count


@pytest.mark.parametrize("biases", [(0.0, 0.0), (-1.0, -1.0), (0.5, -2.0)])
def test_the_radius_of_two_averaged_neurons_is_that_of_exact_projections(biases: tuple[float, float]) -> None:
    for clusters in (AXIS, ONE_AGAINST_TWO):
        points, label = points_of(clusters, 8, 5)
        sums = clusters.class_sums
        lengths = (float(np.linalg.norm(sums[0])), float(np.linalg.norm(sums[1])))
        made = averaged_radii(points @ sums.T + np.array(biases), lengths, label)
        network = feature_averaged(clusters, biases=biases, copies=2)
        assert made == pytest.approx(exact_radii(network, points, label), abs=1e-12)


@pytest.mark.parametrize(
    ("beta", "two", "five", "fifteen"),
    [
        (0.0, 0.577, 0.408, 0.250),
        (0.1, 0.635, 0.572, 0.566),
        (0.2, 0.693, 0.693, 0.693),
        (0.25, 0.7071, 0.7071, 0.7071),
        (1 / 3, 0.667, 0.667, 0.667),
        (0.4, 0.6, 0.6, 0.6),
        (0.5, 0.5, 0.5, 0.5),
    ],
)
def test_the_published_table_of_centre_radii(beta: float, two: float, five: float, fifteen: float) -> None:
    for K_minus, expected in ((2, two), (5, five), (15, fifteen)):
        clusters = Clusters.axis(K_minus + 1, 25, K_plus=1)
        made = sum_radii(clusters.coordinates(clusters.features), clusters.positive, clusters.signs, beta * 5) / 5
        assert made[0] == pytest.approx(expected, abs=6e-4)


@pytest.mark.parametrize("balance", [(5, 5), (2, 6), (1, 1)])
def test_centre_radii_are_those_of_the_catalogue(balance: tuple[int, int]) -> None:
    clusters = Clusters.orthogonal(sum(balance), 60, K_plus=balance[0], seed=1)
    u, marks, signs = clusters.coordinates(clusters.features), clusters.positive, clusters.signs
    rivals = np.where(marks, balance[1], balance[0])
    for beta in ("0", "1/10", "1/4", "1/2", "7/10"):
        made = sum_radii(u, marks, signs, float(Fraction(beta)) * 60**0.5)
        assert made == pytest.approx([value("f-robust.radius", d=60, beta=beta, K_minus=int(K)) for K in rivals])
    assert sum_radii(u, marks, signs, 0.0) == pytest.approx(
        [value("decoupled.sum.radius", d=60, K_minus=int(K)) for K in rivals]
    )
    assert max_radii(u, marks, signs) == pytest.approx(value("decoupled.max.radius", d=60))
    sums = clusters.class_sums
    lengths = (float(np.linalg.norm(sums[0])), float(np.linalg.norm(sums[1])))
    made = averaged_radii(clusters.features @ sums.T, lengths, signs)
    assert made == pytest.approx(value("averaged.bias-free.radius", d=60, k=clusters.k))


@pytest.mark.parametrize("beta", ["0", "1/4", "1/2"])
def test_a_bias_does_not_help_averaged_neurons(beta: str) -> None:
    clusters = Clusters.orthogonal(6, 60, seed=1)
    sums, bias = clusters.class_sums, -float(Fraction(beta)) * 60
    lengths = (float(np.linalg.norm(sums[0])), float(np.linalg.norm(sums[1])))
    made = averaged_radii(clusters.features @ sums.T + bias, lengths, clusters.signs)
    assert made == pytest.approx(value("averaged.bias-free.biased.radius", d=60, k=6, beta=beta, K_plus=3, K_minus=3))


def test_no_radius_exceeds_what_any_classifier_has() -> None:
    clusters = Clusters.orthogonal(8, 60, seed=1)
    sample = ClusterDistribution(clusters, 1.0).sample(4000, 0)
    u, label = clusters.coordinates(sample.points), sample.label.astype(np.float64)
    limit = value("clusters.any-classifier.radius", d=60)
    for beta in (0.0, 0.25, 0.5):
        radii = sum_radii(u, clusters.positive, label, beta * 60**0.5)
        for delta in (limit, limit + 1):
            assert (radii > delta).mean() <= 0.5


def test_noisy_radii_average_to_the_published_numbers() -> None:
    clusters = Clusters.orthogonal(10, 3072, seed=0)
    sample = ClusterDistribution(clusters, 1.0).sample(2000, 1)
    u, label = clusters.coordinates(sample.points), sample.label.astype(np.float64)
    quarter = sum_radii(u, clusters.positive, label, 0.25 * 3072**0.5)
    assert quarter.mean() == pytest.approx(38.37, abs=0.06)
    assert quarter.std() == pytest.approx(0.85, abs=0.05)
    half = sum_radii(u, clusters.positive, label, 0.5 * 3072**0.5)
    assert (half > 26).mean() == pytest.approx(value("f-robust.textbook.accuracy", d=3072, delta=26, sigma=1), abs=0.02)


@pytest.mark.parametrize("clusters", [Clusters.orthogonal(6, 30, K_plus=2, seed=0), Clusters.hadamard(6, 28, seed=0)])
def test_networks_that_are_the_same_function_agree(clusters: Clusters) -> None:
    points = ClusterDistribution(clusters, 1.0).sample(50, 0).points
    sum_net = read_out(feature_decoupled(clusters, copies=4), clusters.positive, Readout.SUM)
    assert np.allclose(sum_net.evaluate(points), f_robust(clusters, 0.0).evaluate(points), atol=1e-9)
    half = f_robust(clusters, 0.5).evaluate(points)
    assert np.allclose(frei(clusters).evaluate(points) * clusters.d / 4, half, atol=1e-9)
    scale = np.sqrt(clusters.d)
    assert np.allclose(min_vidal(clusters, power=1.0).evaluate(points) * scale, sum_net.evaluate(points), atol=1e-9)
    averaged = feature_averaged(clusters, copies=3).evaluate(points)
    assert np.allclose(min_vidal(clusters).evaluate(points) * scale, averaged, atol=1e-9)
    assert np.allclose(power_margins(clusters, points, 1.0) * scale, sum_net.evaluate(points)[:, 0], atol=1e-9)


def test_the_cube_of_relu_is_evaluated_and_refused_as_a_network() -> None:
    points = AXIS.features + 0.5
    u = np.maximum(points, 0.0) ** 3
    assert power_margins(AXIS, points, 3.0) == pytest.approx(u[:, :2].sum(axis=1) - u[:, 2:].sum(axis=1))
    with pytest.raises(InvalidInput, match=r"power 3\.0 is not piecewise linear.*power_margins.*relu-power\.radius"):
        min_vidal(AXIS, power=3.0)
    with pytest.raises(InvalidInput, match=r"power of 0\.5"):
        power_margins(AXIS, points, 0.5)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_share_of_the_class_keeps_every_name_right_and_costs_the_radius(share: float) -> None:
    clusters = Clusters.axis(6, 16)
    scores = blended(clusters, share)
    assert np.array_equal(scores.evaluate(clusters.features).argmax(axis=1), np.arange(6))
    expected = (1 + share) * 4 / np.sqrt(2 * ((1 + share) ** 2 + share**2 * 2))
    mixed = scores.nodes[0].op.weight
    towards = mixed[0] - mixed[3:]
    gaps = towards @ clusters.features[0] / np.linalg.norm(towards, axis=1)
    assert gaps.min() == pytest.approx(expected)
    assert value("feature-averaging.prop-4.8.max.radius", **_prop(share, 16, 3)) == pytest.approx(expected)


def _prop(share: float, d: int, K_plus: int) -> dict[str, object]:
    names = {str(letter) for letter in catalogue["feature-averaging.prop-4.8.max.radius"].letters}
    return {name: {"d": d, "K_plus": K_plus}.get(name, str(share)) for name in names}


def test_parameters_of_no_meaning_are_refused() -> None:
    for beta in (-0.1, 1.0, float("nan")):
        with pytest.raises(InvalidInput, match=r"outside \[0, 1\)"):
            f_robust(AXIS, beta)
    with pytest.raises(InvalidInput, match="0 copies"):
        feature_averaged(AXIS, copies=0)
    with pytest.raises(InvalidInput, match="share of -1"):
        blended(AXIS, -1.0)
    with pytest.raises(InvalidInput, match="must be positive"):
        averaged_radii(np.zeros((1, 2)), (0.0, 1.0), np.ones(1))
