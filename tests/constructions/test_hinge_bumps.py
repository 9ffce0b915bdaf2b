"""Hinge bumps: what the network computes, its sizes, what is proved of it, and what breaks the proofs."""

import re
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import bounds
from bounds.values import Exact
from certify.errors import InvalidInput
from certify.exact import ExactNetwork
from certify.network import Network
from certify.region import Norm
from constructions.dyadic import exact_float
from constructions.enclosure import Intervals, enclose
from constructions.memorizer import hinge_bumps, hinges, margins
from constructions.memorizer.bumps import separated_for_bumps, slope
from constructions.memorizer.hinge_bumps import HingeBumps
from constructions.theorem import Claim, Proved, Refuted, Undecided
from tests.constructions.bump_sets import (
    Task,
    anywhere,
    broken,
    bump,
    claim,
    epsilon,
    gaps,
    generic,
    length,
    minority,
    one_sided,
    tasks,
)
from tests.constructions.euclidean_sets import tampered, unproved

LINF = Norm.LINF


def expected_bump(task: Task, x: np.ndarray, centre: np.ndarray) -> Fraction:
    """The bump's formula over Fractions, from the steepness and radius of the theorem."""
    found = separated_for_bumps(task.data, LINF, task.delta)
    excess = sum((max(gap - found.radius, Fraction()) for gap in gaps(x, centre)), Fraction())
    return bump(1 - slope(found) * excess)


def named(made: tuple[Claim, ...], name: str) -> Claim:
    return next(claim for claim in made if claim.name == name)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_the_output_is_twice_the_sum_of_the_smaller_classs_bumps_less_one(data: st.DataObject) -> None:
    task = data.draw(tasks(LINF))
    made = hinge_bumps(task.points, task.labels, delta=task.delta)
    x = data.draw(anywhere(task.points.shape[1]))
    centres, sign = minority(task)
    expected = one_sided([expected_bump(task, x, centre) for centre in centres], sign)
    assert ExactNetwork(made.network).evaluate(x) == [expected]
    assert made.network.evaluate(x[None])[0, 0] == expected


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_signed_bumps_add_up_and_vanish_far_away(data: st.DataObject) -> None:
    task = data.draw(tasks(LINF))
    made = hinge_bumps(task.points, task.labels, delta=task.delta, two_sided=True)
    x = data.draw(anywhere(task.points.shape[1]))
    signs = 2 * task.labels - 1
    expected = sum(int(y) * expected_bump(task, x, c) for y, c in zip(signs, task.points, strict=True))
    assert ExactNetwork(made.network).evaluate(x) == [expected]
    assert ExactNetwork(made.network).evaluate(np.full(task.points.shape[1], 99.0)) == [0]


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_each_class_has_the_sum_of_its_bumps_as_score(data: st.DataObject) -> None:
    task = data.draw(tasks(LINF, classes=3))
    made = hinge_bumps(task.points, task.labels, delta=task.delta)
    x = data.draw(anywhere(task.points.shape[1]))
    expected = [sum(expected_bump(task, x, c) for c in task.points[task.labels == k]) for k in range(3)]
    assert ExactNetwork(made.network).evaluate(x) == expected


@given(tasks(LINF), st.booleans())
@settings(max_examples=40, deadline=None)
def test_intervals_on_the_balls_are_at_least_1_and_exactly_minus_1(task: Task, flip: bool) -> None:
    labels = 1 - task.labels if flip else task.labels
    made = hinge_bumps(task.points, labels, delta=task.delta)
    reach = exact_float(task.delta)  # dyadic points and radii: nothing is rounded
    found = enclose(made.network, Intervals(task.points - reach, task.points + reach))
    sign = 1 if 2 * int(labels.sum()) <= len(labels) else -1
    small = labels == max(sign, 0)
    own = found.lower[small] if sign > 0 else -found.upper[small]
    assert (own >= 1).all()
    assert (found.lower[~small] == -sign).all()
    assert (found.upper[~small] == -sign).all()


@given(tasks(LINF), st.sampled_from(["one-sided", "two-sided", "three classes"]))
@settings(max_examples=60, deadline=None)
def test_every_claim_is_proved(task: Task, kind: str) -> None:
    labels = np.arange(len(task.labels)) % 3 if kind == "three classes" else task.labels
    delta = Fraction(0) if kind == "three classes" else task.delta
    made = hinge_bumps(task.points, labels, delta=delta, two_sided=kind == "two-sided")
    assert not unproved(made)
    evidence = claim(made, "margin").check()
    assert isinstance(evidence, Proved)
    assert evidence.method == "exact bounds on every linf ball"


def test_points_that_move_to_the_grid_keep_their_claims() -> None:
    rng = np.random.default_rng(5)
    points, labels = rng.integers(0, 256, (60, 7)) / 255, rng.integers(0, 2, 60)
    made = hinge_bumps(points, labels, delta=epsilon(points, labels, LINF) * Fraction(99, 100))
    assert not unproved(made)
    far = separated_for_bumps(made.data, LINF, made.family.delta)
    assert 0 < far.movement < Fraction(1, 2**20)


@pytest.mark.parametrize("kind", ["one-sided", "two-sided", "multi-class"])
def test_counts_equal_the_formulas_for_data_in_general_position(kind: str) -> None:
    rng = np.random.default_rng(7)
    for seed in range(12):
        sizes = tuple(rng.integers(1, 9, 3 if kind == "multi-class" else 2).tolist())
        task = generic(sizes, int(rng.integers(1, 9)), LINF, seed)
        made = hinge_bumps(task.points, task.labels, delta=task.delta, two_sided=kind == "two-sided")
        for name in ("nnz", "dense", "units", "depth"):
            assert "exactly" in claim(made, name).statement, (sizes, name)
            assert claim(made, name).value == getattr(made.network.count(), name)


def test_the_count_of_the_theory_page_is_met() -> None:
    task = generic((5, 8), 6, LINF)
    made = hinge_bumps(task.points, task.labels, delta=task.delta)
    assert made.network.count().nnz == 5 * (6 * 6 + 2) + 1
    entry = bounds.catalogue["robust-training.inf.upper"].evaluate(N=13, d=6)
    assert isinstance(entry, Exact)
    assert made.network.count().nnz <= entry.value


def test_centres_that_agree_in_a_coordinate_share_its_hinges() -> None:
    points = np.stack(np.meshgrid(*[np.arange(3.0)] * 3), axis=-1).reshape(-1, 3)
    labels = points.sum(axis=1).astype(int) % 2
    made = hinge_bumps(points, labels, delta="0.4")
    bumps = int(labels.sum())
    assert made.network.count().units == 3 * 3 * 2 + bumps
    assert "at most" in claim(made, "units").statement
    assert not unproved(made)


def smaller_slope(weight: np.ndarray, _: np.ndarray) -> None:
    weight[0] /= 4


def flipped(weight: np.ndarray, _: np.ndarray) -> None:
    weight[0, 0] *= -1


def narrower(_: np.ndarray, bias: np.ndarray) -> None:
    bias += 0.25


def lower(_: np.ndarray, bias: np.ndarray) -> None:
    bias -= 2


@pytest.mark.parametrize(("node", "change"), [(2, smaller_slope), (4, flipped), (0, narrower), (4, lower), (2, lower)])
@pytest.mark.parametrize("cost", [margins.DIRECT_COST, 0], ids=["direct", "rebuilt"])
def test_a_changed_weight_breaks_the_claim(
    node: int, change: object, cost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(margins, "DIRECT_COST", cost)
    points = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    made = hinge_bumps(points, [1, 0, 0], delta="7/16")
    network = tampered(made.network, node, change)
    for name in ("robust-radius", "margin"):
        assert not isinstance(named(made.family.claims(network, made.data), name).check(), Proved)


def test_a_changed_weight_is_refuted_at_an_input_of_the_ball() -> None:
    task = generic((3, 3), 2, LINF)
    made = hinge_bumps(task.points, task.labels, delta=task.delta)
    evidence = named(made.family.claims(tampered(made.network, 4, flipped), made.data), "robust-radius").check()
    assert isinstance(evidence, Refuted)
    words = re.search(r"margin is (\S+) at \[(.*)\], in the ball of point (\d)", evidence.counterexample)
    assert words is not None
    assert float(words[1]) <= 0
    at = np.array([float(number) for number in words[2].split(",")])
    assert length(gaps(at, task.points[int(words[3])]), LINF) <= task.delta


def test_a_network_for_a_smaller_radius_is_refuted_at_a_larger_one() -> None:
    task = generic((4, 5), 3, LINF, seed=3)
    most = epsilon(task.points, task.labels, LINF)
    made = hinge_bumps(task.points, task.labels, delta=most / 8)
    larger = HingeBumps(most * Fraction(15, 16)).claims(made.network, made.data)
    assert isinstance(named(larger, "margin").check(), Refuted)
    assert not isinstance(named(larger, "robust-radius").check(), Proved)


def test_large_networks_are_proved_by_building_them_again(monkeypatch: pytest.MonkeyPatch) -> None:
    task = generic((4, 5), 3, LINF)
    made = hinge_bumps(task.points, task.labels, delta=task.delta)
    monkeypatch.setattr(margins, "DIRECT_COST", 0)
    evidence = named(made.family.claims(made.network, made.data), "robust-radius").check()
    assert isinstance(evidence, Proved)
    assert "built again" in evidence.method
    monkeypatch.setattr(margins, "EXACT_COST", 0)
    changed = tampered(made.network, 4, flipped)
    verdict = named(made.family.claims(changed, made.data), "robust-radius").check()
    assert isinstance(verdict, Undecided)
    assert "node 4 (Affine) differs" in verdict.reason


def test_a_flatter_or_steeper_bump_is_told_by_its_claims() -> None:
    task = generic((3, 4), 3, LINF)
    made = hinge_bumps(task.points, task.labels, delta=task.delta)

    def steeper(weight: np.ndarray, _: np.ndarray) -> None:
        weight[0] *= 64

    found = made.family.claims(tampered(made.network, 2, steeper), made.data)
    assert isinstance(named(found, "weight").check(), Refuted)
    assert isinstance(named(found, "lipschitz.l1").check(), Undecided)
    assert isinstance(named(found, "margin").check(), Proved)


@pytest.mark.parametrize("seed", range(3))
def test_attacks_find_nothing_at_the_claimed_radius_and_something_above_epsilon(seed: int) -> None:
    task = generic((4, 5), 4, LINF, seed)
    most = epsilon(task.points, task.labels, LINF)
    made = hinge_bumps(task.points, task.labels, delta=most * Fraction(15, 16))
    assert broken(made.network, task, LINF, float(made.family.delta)) == 0
    corners = np.array(np.meshgrid(*[[-1.0, 1.0]] * 4)).reshape(4, -1).T * float(made.family.delta) * (1 - 2**-40)
    inside = (task.points[:, None] + corners).reshape(-1, 4)
    signs = np.repeat(2 * task.labels - 1, len(corners))
    assert (signs * made.network.evaluate(inside)[:, 0] >= 1).all()
    assert broken(made.network, task, LINF, float(most) * 1.01) > 0


def test_a_network_of_another_shape_is_refused() -> None:
    task = generic((3, 3), 2, LINF)
    other = generic((3, 3), 3, LINF)
    made = hinge_bumps(other.points, other.labels, delta=other.delta)
    with pytest.raises(InvalidInput, match="A network of 3 inputs and 1 outputs is none for points of 2 coordinates"):
        HingeBumps(task.delta).claims(made.network, task.data)


def test_signed_bumps_are_for_two_classes() -> None:
    task = generic((2, 2, 2), 2, LINF)
    with pytest.raises(InvalidInput, match="two_sided speaks of two classes, and there are 3"):
        hinge_bumps(task.points, task.labels, delta=task.delta, two_sided=True)


def test_a_layer_that_does_not_fit_is_refused_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    task = generic((5, 5), 4, LINF)
    monkeypatch.setattr(hinges, "LARGEST_LAYER", 39)
    with pytest.raises(InvalidInput, match=r"5 bumps in 4 dimensions make a layer of 40 weights; the limit is 39"):
        hinge_bumps(task.points, task.labels, delta=task.delta)


def test_a_radius_that_is_no_number_is_refused() -> None:
    with pytest.raises(InvalidInput, match="delta must be a number"):
        hinge_bumps([[0.0], [1.0]], [0, 1], delta="wide")


def test_building_twice_gives_the_same_network() -> None:
    task = generic((5, 6), 3, LINF)
    first, second = (hinge_bumps(task.points, task.labels, delta=task.delta).network for _ in range(2))
    assert first.digest == second.digest
    assert isinstance(first, Network)


@given(st.lists(st.tuples(*[st.floats(-4, 4)] * 4), min_size=1, max_size=5), st.integers(0, 1))
def test_the_margin_between_scores_is_rounded_down(rows: list[tuple[float, ...]], label: int) -> None:
    table = np.array(rows)
    scores = Intervals(np.ascontiguousarray(table[:, :2]), np.ascontiguousarray(table[:, 2:]))
    found = margins.margins(scores, np.full(len(rows), label))
    exact = [Fraction(row[label]) - Fraction(row[3 - label]) for row in rows]
    assert all(low <= right for low, right in zip(found.tolist(), exact, strict=True))
    assert all(np.nextafter(low, np.inf) >= right for low, right in zip(found.tolist(), exact, strict=True))


def test_a_margin_just_below_1_is_not_taken_for_1() -> None:
    scores = Intervals(np.array([[1.0, 2.0**-60]]), np.array([[1.0, 2.0**-60]]))
    assert margins.margins(scores, np.array([0])) < 1


def test_hinge_bumps_are_of_linf_and_say_what_serves_in_other_norms() -> None:
    assert hinge_bumps([[0.0], [1.0]], [0, 1], delta=0.25, norm="inf").theorem is HingeBumps.theorem
    with pytest.raises(InvalidInput, match=r"robust in linf, and l2 was asked for\. Use voronoi"):
        hinge_bumps([[0.0], [1.0]], [0, 1], delta=0.25, norm=2)
