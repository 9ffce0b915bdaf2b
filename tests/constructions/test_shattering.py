"""Every labelling of the shattered points is carried by N separated samples whose closed balls cover them by label."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bounds
from bounds.growth import pair_groups
from certify.errors import InvalidInput
from constructions.hard import BoxGroups, OrthantGroups, Witness

HALF, NEAR = Fraction(1, 2), Fraction(9, 10)


def labellings(count: int, seed: int = 0) -> list[np.ndarray]:
    """All of them when they are few, else the constant ones and 40 at random."""
    if count <= 8:
        return [np.array(marks) for marks in itertools.product((0, 1), repeat=count)]
    rng = np.random.default_rng(seed)
    return [np.zeros(count, dtype=np.int64), np.ones(count, dtype=np.int64), *rng.integers(0, 2, (40, count))]


def gaps(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """All differences as exact integers, (a, b, d)."""
    whole, others = (np.rint(points).astype(np.int64) for points in (one, other))
    assert np.array_equal(whole, one)
    assert np.array_equal(others, other)
    return whole[:, None, :] - others[None, :, :]


def classes(witness: Witness) -> tuple[np.ndarray, np.ndarray]:
    samples = witness.samples
    return samples.points[samples.labels == 1], samples.points[samples.labels == 0]


@given(
    st.integers(2, 9), st.integers(1, 5), st.sampled_from([Fraction(0), HALF, Fraction(3, 4), NEAR, Fraction(99, 100)])
)
def test_two_samples_a_group_cover_every_labelling_in_l2(count: int, inputs: int, rho: Fraction) -> None:
    groups = OrthantGroups(count, inputs, rho)
    points = groups.points()
    assert len(points) == groups.shattered == groups.per_group * (count // 2)
    assert groups.squared_reach <= rho**2 * groups.squared_eps
    for labels in labellings(groups.shattered):
        witness = groups.witness(labels)
        assert len(witness.samples.points) == count
        assert (gaps(*classes(witness)) ** 2).sum(axis=2).min() == 4 * groups.squared_eps
        reach = (gaps(points, witness.samples.points) ** 2).sum(axis=2)
        assert (reach[np.arange(len(points)), witness.covers] == groups.squared_reach).all()
        assert np.array_equal(witness.samples.labels[witness.covers], labels)


@given(st.integers(2, 9), st.integers(1, 7), st.sampled_from([HALF, Fraction(2, 3), NEAR, Fraction(37, 50)]))
def test_r_and_t_samples_a_group_cover_every_labelling_in_linf(count: int, inputs: int, rho: Fraction) -> None:
    groups = BoxGroups(count, inputs, rho)
    points = groups.points()
    assert len(points) == groups.shattered
    assert Fraction(groups.delta, groups.eps) == rho
    for labels in labellings(groups.shattered):
        witness = groups.witness(labels)
        assert len(witness.samples.points) == count
        assert np.abs(gaps(*classes(witness))).max(axis=2).min() == 2 * groups.eps
        reach = np.abs(gaps(points, witness.samples.points)).max(axis=2)
        assert reach[np.arange(len(points)), witness.covers].max() <= groups.delta
        assert np.array_equal(witness.samples.labels[witness.covers], labels)


@pytest.mark.parametrize("samples", range(2, 40))
def test_the_groups_in_linf_are_as_many_as_bounds_finds(samples: int) -> None:
    for inputs in (*range(1, 40), 100, 784):
        assert BoxGroups(samples, inputs, HALF).shattered == pair_groups(samples, inputs)


@pytest.mark.parametrize(
    ("samples", "inputs", "l2", "inf"), [(1000, 20, 87, 37), (1000, 784, 607, 102), (60000, 784, 4825, 896)]
)
def test_the_sizes_that_follow_are_the_reference_numbers(samples: int, inputs: int, l2: int, inf: int) -> None:
    near = 1 - Fraction(1, 10**6)
    for groups, entry, expected in (
        (OrthantGroups(samples, inputs, near), "robust-training.l2.lower", l2),
        (BoxGroups(samples, inputs, HALF), "robust-training.inf.lower", inf),
    ):
        size = bounds.catalogue["vc.union.size"].evaluate(M=groups.shattered, alpha=0, d=inputs)
        quoted = bounds.catalogue[entry].evaluate(N=samples, d=inputs, rho=groups.rho)
        assert isinstance(size, bounds.Exact)
        assert isinstance(quoted, bounds.Exact)
        assert size.value == quoted.value == expected


def test_one_sample_more_than_groups_need_stays_far_from_the_others() -> None:
    odd = OrthantGroups(7, 3, NEAR)
    even = OrthantGroups(6, 3, NEAR)
    labels = np.arange(odd.shattered) % 2
    assert odd.shattered == even.shattered
    assert np.array_equal(odd.witness(labels).samples.points[:6], even.witness(labels).samples.points)


@pytest.mark.parametrize("kind", [OrthantGroups, BoxGroups])
def test_impossible_groups_are_refused(kind: type[OrthantGroups] | type[BoxGroups]) -> None:
    with pytest.raises(InvalidInput, match="N = 1"):
        kind(1, 3, NEAR)
    with pytest.raises(InvalidInput, match="d = 0"):
        kind(4, 0, NEAR)
    with pytest.raises(InvalidInput, match=r"must be in \[.*, 1\) here, got 1"):
        kind(4, 3, Fraction(1))
    with pytest.raises(InvalidInput, match="zeros and ones"):
        kind(4, 3, NEAR).witness(np.array([1]))
    with pytest.raises(InvalidInput, match="are too many; at most 134,217,728 numbers"):
        kind(60000, 784, 1 - Fraction(1, 10**6)).points()


def test_boxes_need_a_radius_of_half_the_distance_and_a_short_fraction() -> None:
    with pytest.raises(InvalidInput, match=r"\[1/2, 1\) here, got 49/100"):
        BoxGroups(4, 3, Fraction(49, 100))
    with pytest.raises(InvalidInput, match="too large a denominator"):
        BoxGroups(4, 3, 1 - Fraction(1, 2**60))
