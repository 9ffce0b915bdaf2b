"""The hard set is what the theorem says, in rationals; two parameters classify it, and it breaks them everywhere."""

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bounds
from certify.errors import InvalidInput
from certify.exact import ExactNetwork
from certify.io.datasets import load_points
from certify.network import Affine, Network
from constructions.hard import (
    HardSet,
    HardSetLinear,
    hard_set_of_steps,
    labelled_grid,
    luck,
    luck_of_architecture,
    luck_of_size,
)
from constructions.hard.sets import random_labels
from constructions.theorem import Proved, Refuted, Undecided

SIXTH, TENTH = Fraction(1, 6), Fraction(1, 10)
sets = st.builds(
    HardSet,
    st.integers(2, 4),
    st.sampled_from([Fraction(1, 4), Fraction(1, 6), Fraction(3, 20), Fraction(1, 7)]),
    st.sampled_from([Fraction(1, 2), Fraction(9, 10), Fraction(1, 100)]),
    seed=st.integers(0, 50),
).filter(lambda hard: 0 < random_labels(hard.count, hard.seed).sum() < hard.count)


def exact_points(hard: HardSet) -> list[list[Fraction]]:
    return [hard.exact_point(i, int(label)) for i, label in enumerate(hard.labels())]


@given(sets)
def test_any_two_exact_points_are_as_far_apart_as_the_guarantee(hard: HardSet) -> None:
    assert hard.separation >= 2 * hard.eps
    gaps = [
        max(abs(a - b) for a, b in zip(*pair, strict=True)) for pair in itertools.combinations(exact_points(hard), 2)
    ]
    assert min(gaps) == hard.separation


@given(sets)
def test_float_points_are_within_the_movement_of_the_exact_ones(hard: HardSet) -> None:
    for given_point, exact in zip(hard.points(), exact_points(hard), strict=True):
        gaps = [abs(Fraction(float(a)) - b) for a, b in zip(given_point, exact, strict=True)]
        assert max(gaps[:-1]) <= hard.movement
        assert gaps[-1] == 0


@given(sets)
def test_midpoints_are_within_the_attack_radius_of_their_points_in_every_norm(hard: HardSet) -> None:
    apart = np.abs(hard.points() - hard.midpoints())
    assert not apart[:, :-1].any()
    assert (apart[:, -1] == float(hard.offset)).all()
    assert 0 < hard.offset <= hard.radius


@given(sets)
def test_there_are_as_many_points_as_bounds_counts(hard: HardSet) -> None:
    found = bounds.catalogue["hard-set.points"].evaluate(eps=hard.eps, d=hard.inputs)
    assert isinstance(found, bounds.Exact)
    assert hard.count == found.value == len(hard.points())


def test_a_power_of_two_of_steps_moves_no_point() -> None:
    assert hard_set_of_steps(3, 4).movement == 0
    assert hard_set_of_steps(3, 3).movement == Fraction(1, 2**37)


def test_the_hard_set_of_a_number_of_steps_has_that_many() -> None:
    assert [hard_set_of_steps(2, k).grid.steps for k in range(1, 40)] == list(range(1, 40))


def test_labels_are_a_function_of_the_seed_and_look_like_coins() -> None:
    assert np.array_equal(random_labels(1000, 7), random_labels(1000, 7))
    assert not np.array_equal(random_labels(1000, 7), random_labels(1000, 8))
    assert random_labels(70, 0).tolist() == random_labels(1000, 0)[:70].tolist()
    assert abs(random_labels(100_000, 3).mean() - 0.5) < 0.01


def test_the_saved_set_is_read_back_bit_for_bit(tmp_path: Path) -> None:
    hard = HardSet(4, Fraction(1, 6), seed=3)
    hard.save(tmp_path / "hard.npz")
    read = load_points(str(tmp_path / "hard.npz"), None)
    assert np.array_equal(read.points, hard.points())
    assert np.array_equal(read.labels, hard.labels())


def test_the_plain_grid_has_all_nodes_once_at_least_two_eps_apart() -> None:
    data = labelled_grid(3, Fraction(1, 6), seed=2)
    nodes = {tuple(round(3 * x) for x in point) for point in data.points}
    assert nodes == set(itertools.product(range(4), repeat=3))
    assert np.abs(3 * data.points - np.rint(3 * data.points)).max() < 1e-10


def test_the_linear_classifier_is_never_wrong_and_broken_everywhere() -> None:
    construction = HardSetLinear(5, TENTH).construct()
    found = {claim.name: claim.check() for claim in construction.claims}
    assert all(isinstance(evidence, Proved) for evidence in found.values()), found
    assert [claim.value for claim in construction.claims] == [0, 1, 2]
    assert construction.network.count().nnz == 2


def test_the_linear_classifier_gives_nothing_at_the_witnesses_in_rationals() -> None:
    family = HardSetLinear(3, Fraction(1, 6), seed=1)
    network, hard = ExactNetwork(family.build(None)), family.hard_set()
    for middle, point, label in zip(hard.midpoints(), hard.points(), hard.labels(), strict=True):
        assert network.evaluate(middle) == [0]
        assert (network.evaluate(point)[0] > 0) == bool(label)


def test_claims_of_another_classifier_fail() -> None:
    family = HardSetLinear(3, Fraction(1, 6), seed=1)
    upright = Network.chain([Affine(np.array([[0.0, 0.0, 1.0]]), np.array([-0.25]))])
    clean, broken, _ = (claim.check() for claim in family.claims(upright, None))
    assert isinstance(clean, Refuted)
    assert isinstance(broken, Undecided)


@pytest.mark.parametrize(("size", "certain"), [(20, True), (52, True), (60, False)])
def test_the_exponent_of_small_networks_is_negative_below_the_lower_bound_and_not_above(
    size: int, certain: bool
) -> None:
    found = luck_of_size(HardSet(6, TENTH), size, alpha=TENTH)
    assert (found.exponent < 0) == certain
    assert ("at most 2^-" in found.sentence()) == certain


def test_the_exponent_is_growth_plus_entropy_less_the_points() -> None:
    found = luck_of_size(HardSet(6, TENTH), 20, alpha=TENTH)
    growth = 1 + 20**2 + 20 * np.log2(2 * np.e * 7776) + 20 * np.log2(20 * 26)
    entropy = -0.1 * np.log2(0.1) - 0.9 * np.log2(0.9)
    assert float(found.exponent) == pytest.approx(growth + (entropy - 1) * 7776, rel=1e-9)


def test_without_errors_the_exponent_of_a_known_class_is_its_growth_less_the_points() -> None:
    found = luck(HardSet(4, SIXTH), Fraction(10), alpha=Fraction(0), class_name="ten bits")
    assert found.exponent == 10 - 64
    assert found.sentence().endswith("some network with ten bits has robust error at most 0 is at most 2^-54.")


def test_an_architecture_is_judged_by_its_own_growth() -> None:
    hard = HardSet(10, TENTH)
    assert luck_of_architecture(hard, (10, 64, 64, 1), alpha=TENTH).exponent < 0
    assert luck_of_architecture(HardSet(4, TENTH), (4, 64, 64, 1), alpha=TENTH).exponent > 0
    with pytest.raises(InvalidInput, match="from 10 to 1"):
        luck_of_architecture(hard, (9, 5, 1), alpha=TENTH)
    with pytest.raises(InvalidInput, match="at least one parameter, got 0"):
        luck_of_size(hard, 0, alpha=TENTH)
    with pytest.raises(InvalidInput, match="below 1/2"):
        luck_of_size(hard, 5, alpha=Fraction(1, 2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"inputs": 1}, "needs d >= 2"),
        ({"eps": Fraction(3, 5)}, r"0 < eps <= 1/2, got eps = 3/5"),
        ({"eps": Fraction(0)}, r"0 < eps <= 1/2, got eps = 0"),
        ({"c": Fraction(1)}, "needs 0 < c < 1, got c = 1"),
        ({"offset": Fraction(1, 4)}, r"at most c eps = 1/20.*got 1/4"),
        ({"offset": Fraction(1, 30)}, r"positive multiple of 2\^-36"),
        ({"seed": -1}, "whole number >= 0"),
    ],
)
def test_a_set_outside_the_hypotheses_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        HardSet(**({"inputs": 3, "eps": TENTH} | arguments))  # type: ignore[arg-type]


def test_a_set_too_large_is_refused_with_its_number_of_points() -> None:
    with pytest.raises(InvalidInput, match=r"6\^11 = 362,797,056 points of 12 coordinates"):
        HardSet(12, TENTH).points()
    with pytest.raises(InvalidInput, match=r"6\^99 = about 10\^77 points"):
        HardSet(100, TENTH).labels()


def test_a_draw_of_one_class_is_refused() -> None:
    lonely = next(seed for seed in range(50) if len(set(random_labels(2, seed).tolist())) == 1)
    with pytest.raises(InvalidInput, match=rf"With seed {lonely} all 2 points have the label"):
        HardSet(2, Fraction(1, 2), seed=lonely).labels()
