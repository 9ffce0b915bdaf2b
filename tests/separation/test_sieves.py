"""The law of a sieve: no pair at the distance in question, or nearer, gets a product that is not positive."""

import tracemalloc
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from certify.region import Norm
from constructions.separation import Plan, measure
from constructions.separation.chebyshev import Chebyshev
from constructions.separation.euclidean import Euclidean
from constructions.separation.metric import Metric
from constructions.separation.pair_set import PairSet
from constructions.separation.sieve import AbstractSieve

COUNT = 60


def points(seed: int, offset: float, spread: float, width: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    bulk = draw.normal(size=(COUNT, width)) * spread
    bulk[1::2] = bulk[::2] + draw.normal(size=(COUNT // 2, width)) * spread * 10.0 ** -draw.integers(0, 9)
    return bulk + offset


def sieves(metric: Metric) -> list[AbstractSieve]:
    zeros = np.zeros(COUNT, np.int64)
    if metric.norm is Norm.LINF:
        return [Chebyshev.of(metric, PairSet(zeros, zeros, equal=True, within=True))]
    return [Euclidean.of(metric, single=single) for single in (True, False)]


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 1.0, 1e8]),
    st.sampled_from([1.0, 1e-6, 1e5, 1e160, 1e-170]),
    st.sampled_from([1, 3, 200]),
    st.sampled_from(list(Norm)),
)
def test_a_pair_is_never_discarded_at_its_own_distance(
    seed: int, offset: float, spread: float, width: int, norm: Norm
) -> None:
    x = points(seed, offset, spread, width)
    metric = Metric.of(x, x, norm)
    i = np.arange(0, COUNT, 2)
    near, far = (i, i + 1), (i[:6], (i[:6] + 17) % COUNT)
    pairs = tuple(np.concatenate(side) for side in zip(near, far, strict=True))
    for exact, a, b in zip(metric.exact(*pairs), *pairs, strict=True):
        for sieve in sieves(metric):
            tight = sieve.within(exact)
            products = tight.left(x[[a, b]]) @ tight.right(x[[b, a]]).T
            assert products[0, 0] > 0
            assert products[1, 1] > 0


@pytest.mark.parametrize("norm", list(Norm))
def test_almost_all_pairs_farther_than_the_distance_are_discarded(norm: Norm) -> None:
    x = 1e3 + np.random.default_rng(0).random((COUNT, 100))
    metric = Metric.of(x, x, norm)
    rows, columns = np.triu_indices(COUNT, 1)
    exact = sorted(metric.exact(rows, columns))[0] / (3 if norm is Norm.L1 else 1)  # l1 is bounded by squares
    for sieve in sieves(metric):
        tight = sieve.within(exact)
        kept = (tight.left(x) @ tight.right(x).T)[rows, columns] > 0
        assert kept.mean() < 0.2


def test_a_radius_small_beside_single_precision_is_sieved_in_double() -> None:
    x = np.random.default_rng(0).random((COUNT, 20))
    sieve = Euclidean.of(Metric.of(x, x, Norm.L2), single=True)
    assert sieve.within(Fraction(1)).left(x).dtype == np.float32
    assert sieve.within(Fraction(1, 10**8)).left(x).dtype == np.float64


def test_the_peak_of_memory_stays_within_the_budget() -> None:
    x = np.random.default_rng(0).random((5000, 64))
    tracemalloc.start()
    measure(x, np.arange(5000) % 2, Norm.L2, plan=Plan(budget_bytes=2**28))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**28
