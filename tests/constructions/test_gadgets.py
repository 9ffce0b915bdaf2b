"""Gadgets compute what they say, in exact arithmetic, with exactly the weights that the theory counts."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from certify.exact import ExactNetwork
from certify.network import Network
from constructions import gadgets

dyadics = st.integers(0, 64).map(lambda k: k / 64)


def exactly(network: Network, point: list[float]) -> list[Fraction]:
    return ExactNetwork(network).evaluate(np.array(point))


@given(st.lists(st.integers(0, 99).map(float), min_size=2, max_size=9))
def test_the_maximum_is_the_maximum(values: list[float]) -> None:
    assert exactly(gadgets.maximum(len(values)), values) == [Fraction(max(values))]


@pytest.mark.parametrize("q", [1, 2, 3, 4, 5])
def test_a_maximum_of_a_power_of_two_costs_what_the_theory_counts(q: int) -> None:
    counts = gadgets.maximum(2**q).count()
    output = 2
    assert counts.nnz == 1.5 * 2**q + 6 * (2 ** (q - 1) - 1) + output
    assert counts.units == 2 * (2**q - 1)
    assert counts.depth == q + 1 == gadgets.tree_depth(2**q) + 1


@given(dyadics, st.integers(1, 6))
def test_the_square_lies_above_the_square_by_no_more_than_its_error(t: float, levels: int) -> None:
    (value,) = exactly(gadgets.square(levels), [t])
    assert 0 <= value - Fraction(t) ** 2 <= Fraction(gadgets.square_error(levels))


@pytest.mark.parametrize("levels", [1, 2, 5])
def test_the_square_is_exact_at_its_breakpoints_and_worst_between_them(levels: int) -> None:
    network, fine = gadgets.square(levels), 2**levels
    for k in range(fine):
        assert exactly(network, [k / fine]) == [Fraction(k, fine) ** 2]
        middle = Fraction(2 * k + 1, 2 * fine)
        assert exactly(network, [float(middle)])[0] - middle**2 == Fraction(gadgets.square_error(levels))


@given(dyadics, dyadics, st.integers(1, 5))
def test_the_product_errs_within_its_bounds(x: float, y: float, levels: int) -> None:
    (value,) = exactly(gadgets.product(levels), [x, y])
    error = Fraction(gadgets.square_error(levels))
    assert -error <= value - Fraction(x) * Fraction(y) <= 2 * error


@given(st.lists(st.integers(-128, 128).map(lambda k: k / 64), min_size=1, max_size=4))
def test_the_clip_is_the_nearest_point_of_the_unit_cube(values: list[float]) -> None:
    network = gadgets.clip(len(values))
    assert exactly(network, values) == [min(max(Fraction(v), Fraction(0)), Fraction(1)) for v in values]
    assert (network.evaluate(np.array([values]) * 1e9) == np.clip(np.array([values]) * 1e9, 0, 1)).all()
