"""The feature networks carry their claims: proved from their own weights, and not of any other weights."""

import dataclasses as dc
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from certify.errors import InvalidInput
from certify.network import Affine, Network, ReLU
from constructions import catalogue, files
from constructions.distributions import Clusters
from constructions.features import blended, f_robust, feature_averaged, feature_decoupled
from constructions.features.centres import activations, max_centre_radii, sum_centre_radii
from constructions.features.families import ClusterFamily, FeatureAveraged, FeatureDecoupled, Frei, FRobust
from constructions.readouts import Readout, read_out
from constructions.theorem import Claim, Labelled, Proved, Refuted, Undecided
from tests.oracles import robust_radius_squared

SMALL = {"k": 6, "d": 64}
FAMILIES: list[ClusterFamily] = [
    FRobust(**SMALL),
    FRobust(**SMALL, beta=Fraction(1, 2)),
    FRobust(**SMALL, beta=Fraction(1, 3), positives=1),
    FRobust(**SMALL, beta=Fraction(0), features="axis"),
    FRobust(k=20, d=64, beta=Fraction(1, 10), features="hadamard"),
    Frei(**SMALL),
    FeatureAveraged(**SMALL),
    FeatureAveraged(**SMALL, positives=2, copies=5),
    FeatureDecoupled(**SMALL),
    FeatureDecoupled(k=7, d=64, positives=2),
    FeatureDecoupled(k=2, d=64),
    FeatureDecoupled(k=7, d=64, positives=2, readout="sum", features="hadamard"),
]


def ids(family: ClusterFamily) -> str:
    return f"{family.name}-{family.k}-{family.positives}-{family.features}"


def with_weight(network: Network, change: Callable[[np.ndarray], np.ndarray]) -> Network:
    """The network with other weights in its first layer."""
    first = network.nodes[0]
    assert isinstance(first.op, Affine)
    assert isinstance(first.op.weight, np.ndarray)
    op = Affine(change(first.op.weight.copy()), first.op.bias)
    return Network(network.input_shape, (dc.replace(first, op=op), *network.nodes[1:]))


def named(claims: tuple[Claim, ...], name: str) -> Claim:
    return next(claim for claim in claims if claim.name == name)


@pytest.mark.parametrize("family", FAMILIES, ids=ids)
def test_every_claim_is_proved_and_building_twice_gives_the_same_network(family: ClusterFamily) -> None:
    made = family.construct()
    assert made.network.digest == family.construct().network.digest
    assert len({claim.name for claim in made.claims}) == len(made.claims)
    for claim in made.claims:
        assert isinstance(claim.check(), Proved), (claim.name, claim.check())
        assert claim.entry


def test_the_claimed_radii_are_those_of_the_theory() -> None:
    def values(family: ClusterFamily) -> list[float]:
        return [float(claim.value) for claim in family.construct().claims[1:4]]

    d = 64
    best = math.sqrt(d / 2)
    assert values(FRobust(**SMALL)) == pytest.approx([best, best, 1], rel=2e-8)
    assert values(FRobust(**SMALL, beta=Fraction(1, 2))) == pytest.approx([4, 4, 4 / best], rel=2e-8)
    assert values(Frei(**SMALL)) == pytest.approx([4, 4, 4 / best], rel=2e-8)
    averaged = math.sqrt(d / 6)
    assert values(FeatureAveraged(**SMALL, positives=1)) == pytest.approx(
        [averaged, averaged, averaged / best], rel=2e-8
    )
    sums = [math.sqrt(d / (1 + 4)), math.sqrt(d / (1 + 2))]
    made = values(FeatureDecoupled(**SMALL, positives=2, readout="sum"))
    assert made == pytest.approx([*sums, sums[0] / best], rel=2e-8)


@pytest.mark.parametrize("family", FAMILIES, ids=ids)
def test_a_weaker_network_is_not_claimed_to_be_as_robust(family: ClusterFamily) -> None:
    network = family.build(None)

    def tilted(weight: np.ndarray) -> np.ndarray:
        weight[0] -= 0.05 * weight[-1]  # the last cluster speaks for the other class
        return weight

    def halved(weight: np.ndarray) -> np.ndarray:
        weight[0] *= 0.5
        return weight

    for change in (tilted, halved):
        claims = family.claims(with_weight(network, change), None)
        assert not all(isinstance(claim.check(), Proved) for claim in claims)


def test_a_network_with_a_smaller_radius_is_refuted_by_a_witness() -> None:
    family = FRobust(**SMALL)
    clusters = family.clusters(None)
    for worse in (f_robust(clusters, 0.05), feature_averaged(clusters)):
        claim = named(family.claims(worse, None), "centre-radius-positive")
        evidence = claim.check()
        assert isinstance(evidence, Refuted)
        assert "changes class" in evidence.counterexample


def test_what_the_proofs_do_not_cover_is_undecided_with_the_reason() -> None:
    deep = read_out(feature_decoupled(Clusters.axis(6, 64)), np.arange(6) < 3, Readout.MAX)
    summed = read_out(feature_decoupled(Clusters.axis(6, 64)), np.arange(6) < 3, Readout.SUM)
    for family, network, words in (
        (FRobust(**SMALL), deep, "not of one hidden layer"),
        (FeatureDecoupled(**SMALL), summed, "is not the maximum of its neurons"),
        (FeatureDecoupled(k=5, d=64, positives=1), deep, "a neuron for each of the 5 clusters"),
    ):
        evidence = family.claims(network, None)[0].check()
        assert isinstance(evidence, Undecided)
        assert words in evidence.reason


def random_net(neurons: int, d: int, seed: int) -> Network:
    chance = np.random.default_rng(seed)
    weight = chance.integers(-16, 17, size=(neurons, d)) / 8.0
    weight[1] = weight[0]  # equal neurons
    readout = np.where(np.arange(neurons) % 2 == 0, 1.0, -1.0) * chance.integers(1, 5, size=neurons) / 4.0
    bias = chance.integers(-8, 9, size=neurons) / 8.0
    bias[1] = bias[0]
    return Network.chain([Affine(weight, bias), ReLU(neurons), Affine(readout[None, :], np.zeros(1))])


@pytest.mark.parametrize("seed", range(25))
def test_centre_radii_of_any_network_of_one_hidden_layer_are_enclosed(seed: int) -> None:
    chance = np.random.default_rng(seed)
    d = int(chance.integers(1, 4))
    network = random_net(int(chance.integers(2, 6)), d, seed)
    centres = chance.integers(-24, 25, size=(4, d)) / 8.0 + 1 / 16
    signs = np.where(network.evaluate(centres)[:, 0] > 0, 1, -1)
    signs[:2] = [1, -1]  # both classes, right or wrong
    found = sum_centre_radii(network, Clusters(centres, signs == 1))
    assert not isinstance(found, Undecided)
    for j, (centre, sign) in enumerate(zip(centres, signs, strict=True)):
        square = robust_radius_squared(network, centre, [[float(sign)]], [0.0])
        exact = math.inf if square is None else math.sqrt(square)
        assert found.lower[j] <= exact <= found.upper[j] * (1 + 1e-15)


@pytest.mark.parametrize("seed", range(6))
def test_centre_radii_of_any_maximum_of_neurons_are_enclosed(seed: int) -> None:
    chance = np.random.default_rng(seed)
    clusters = Clusters(chance.integers(-24, 25, size=(3, 2)) / 8.0 + 1 / 16, np.array([True, False, True]))
    weight, bias = chance.integers(-16, 17, size=(3, 2)) / 8.0, chance.integers(-4, 5, size=3) / 8.0
    scores = Network.chain([Affine(weight, bias), ReLU(3), Affine(np.eye(3), np.zeros(3))])
    network = read_out(scores, clusters.positive, Readout.MAX)
    found = max_centre_radii(network, clusters)
    assert not isinstance(found, Undecided)
    for j, (centre, sign) in enumerate(zip(clusters.features, clusters.signs, strict=True)):
        square = robust_radius_squared(network, centre, [[sign]], [0.0])
        exact = math.inf if square is None else math.sqrt(square)
        assert found.lower[j] <= exact <= found.upper[j] * (1 + 1e-15)


def test_a_share_of_the_class_ruins_the_centre_radii_under_both_read_outs() -> None:
    clusters = Clusters.hadamard(10, 64, seed=0)
    scores = blended(clusters, 1.0)
    by_sum = sum_centre_radii(read_out(scores, clusters.positive, Readout.SUM), clusters)
    by_max = max_centre_radii(read_out(scores, clusters.positive, Readout.MAX), clusters)
    assert not isinstance(by_sum, Undecided)
    assert not isinstance(by_max, Undecided)
    assert by_sum.upper.max() <= math.sqrt(64 / 10) * (1 + 1e-8)
    expected = 2 * 8 / math.sqrt(2 * (4 + 4))
    assert by_max.upper == pytest.approx(expected, rel=1e-8)
    assert by_max.lower == pytest.approx(expected, rel=1e-8)


def test_activations_are_measured_in_lengths_of_the_weight_from_above() -> None:
    weight = np.array([[3.0, 4.0], [1.0, 0.0]])
    made = activations(Affine(weight, np.array([-10.0, 1.0])), np.array([[1.0, 1.0], [-2.0, 0.0]]))
    exact = np.array([[-3 / 5, 2.0], [-16 / 5, -1.0]])
    assert (made >= exact).all()
    assert made == pytest.approx(exact, abs=1e-12)


def test_the_silence_of_other_neurons_is_as_likely_as_sampling_says() -> None:
    claim = named(FRobust(k=6, d=64, beta=Fraction(1, 4), sigma=Fraction(1)).construct().claims, "silent-in-noise")
    noise = np.random.default_rng(0).standard_normal((200_000, 5))
    measured = (noise > 0.25 * 8).any(axis=1).mean()
    assert measured == pytest.approx(float(claim.value), rel=0.06)  # a union bound, nearly attained
    assert measured <= float(claim.value) + 0.002
    assert not any(c.name == "silent-in-noise" for c in FRobust(**SMALL, beta=Fraction(0)).construct().claims)


def test_centres_can_come_from_data_and_must_be_orthogonal() -> None:
    centres = Clusters.hadamard(4, 20, K_plus=1, seed=0)
    data = Labelled.of(centres.features, centres.positive.astype(int))
    made = FRobust().construct(data)
    assert made.network.input_width == 20
    assert all(isinstance(claim.check(), Proved) for claim in made.claims)
    with pytest.raises(InvalidInput, match=r"max \|cos\| ="):
        FRobust().construct(Labelled.of(centres.features + 0.1, [1, 0, 0, 0]))
    with pytest.raises(InvalidInput, match="labels up to 2"):
        FRobust().construct(Labelled.of(centres.features, [0, 1, 2, 0]))


def test_parameters_of_no_meaning_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no features 'random'"):
        FRobust(**SMALL, features="random").construct()
    with pytest.raises(InvalidInput, match="do not split"):
        FRobust(k=5, d=64).construct()
    with pytest.raises(InvalidInput, match="no ReLU network computes it"):
        FeatureDecoupled(**SMALL, readout="logsumexp").construct()
    with pytest.raises(InvalidInput, match="8 orthogonal features do not fit"):
        Frei(k=8, d=4).construct()


@pytest.mark.parametrize("name", ["f-robust", "frei", "feature-averaged", "feature-decoupled"])
def test_a_saved_feature_network_proves_its_claims_again(name: str, tmp_path: Path) -> None:
    family = catalogue.family(name)
    assert family.name == name
    made = family(k=4, d=16)  # type: ignore[call-arg]
    path = tmp_path / "net.safetensors"
    files.save(made.construct(), path)
    back = files.load(path)
    assert back.family == made
    assert [claim.value for claim in back.claims] == [claim.value for claim in made.construct().claims]
    assert all(isinstance(claim.check(), Proved) for claim in back.claims)


def test_the_plateau_where_a_maximum_of_biased_neurons_is_zero_counts_as_lost() -> None:
    clusters = Clusters.hadamard(4, 16, seed=0)
    first = Affine(clusters.features, np.full(4, -8.0))
    scores = Network.chain([first, ReLU(4), Affine(np.eye(4), np.zeros(4))])
    found = max_centre_radii(read_out(scores, clusters.positive, Readout.MAX), clusters)
    assert not isinstance(found, Undecided)
    assert found.lower == pytest.approx(2.0, rel=1e-8)
    assert found.upper == pytest.approx(2.0, rel=1e-8)


def test_activations_beyond_floating_point_prove_and_refute_nothing() -> None:
    family = FRobust(**SMALL)
    with np.errstate(all="ignore"):
        claims = family.claims(with_weight(family.build(None), lambda weight: weight * 1e306), None)
        assert isinstance(named(claims, "robust-radius").check(), Undecided)
