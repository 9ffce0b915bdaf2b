"""Dyadic rounding goes the safe way, and exact enclosures are those of rational interval arithmetic or refuse."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from certify.errors import InvalidInput
from certify.exact import ExactNetwork
from certify.network import Add, Affine, Conv2d, Network, Node, ReLU
from certify.region import Norm
from constructions.dyadic import (
    COARSEST,
    ceil_to,
    exact_float,
    floor_to,
    lowest_bits,
    rational,
    shorten_down,
    shorten_up,
    snap,
    sqrt_floor,
)
from constructions.enclosure import Inexact, Intervals, enclose

positive = st.fractions(min_value=Fraction(1, 10**9), max_value=10**9, max_denominator=10**9)


@given(positive, st.integers(-3, 60))
def test_grid_roundings_are_the_neighbours_on_the_grid(value: Fraction, bits: int) -> None:
    low, high = floor_to(value, bits), ceil_to(value, bits)
    step = Fraction(2) ** -bits
    assert low <= value <= high
    assert high - low in (0, step)
    assert (low / step).denominator == 1


@given(positive, st.integers(1, 12))
def test_short_numbers_are_short_and_on_the_safe_side(value: Fraction, digits: int) -> None:
    low, high = shorten_down(value, digits), shorten_up(value, digits)
    assert low <= value <= high <= value * (1 + Fraction(2) ** (1 - digits))
    for number in (low, high):
        assert Fraction(exact_float(number)) == number
        mantissa = number.numerator >> (number.numerator & -number.numerator).bit_length() - 1
        assert mantissa.bit_length() <= digits


@given(positive)
def test_the_rational_root_is_below_the_root_and_close(value: Fraction) -> None:
    root = sqrt_floor(value, 40)
    assert root**2 <= value < (root + Fraction(2) ** -40) ** 2


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=6))
def test_lowest_bits_divide_their_numbers_and_no_coarser_power_does(numbers: list[float]) -> None:
    for number, bit in zip(numbers, lowest_bits(np.array(numbers)).tolist(), strict=True):
        if number == 0:
            assert bit == COARSEST
        else:
            whole = Fraction(number) / Fraction(2) ** bit
            assert whole.denominator == 1
            assert whole.numerator % 2 == 1


@given(
    st.lists(st.lists(st.floats(-4, 4), min_size=3, max_size=3), min_size=1, max_size=5),
    st.integers(2, 30),
    st.sampled_from(Norm),
)
def test_no_point_moves_farther_than_snapping_says(rows: list[list[float]], bits: int, norm: Norm) -> None:
    points = np.array(rows)
    found = snap(points, bits, norm)
    for before, after in zip(points.tolist(), found.points.tolist(), strict=True):
        gaps = [abs(Fraction(a) - Fraction(b)) for a, b in zip(before, after, strict=True)]
        length = {Norm.LINF: max(gaps) ** 2, Norm.L1: sum(gaps) ** 2, Norm.L2: sum(g * g for g in gaps)}[norm]
        assert length <= found.error**2
        assert all((Fraction(value) * 2**bits).denominator == 1 for value in after)


def test_points_on_the_grid_stay() -> None:
    points = np.arange(12.0).reshape(4, 3) / 16
    found = snap(points, 4, Norm.L2)
    assert (found.points == points).all()
    assert found.error == 0


def test_coordinates_too_large_for_the_grid_are_refused() -> None:
    with pytest.raises(InvalidInput, match="do not fit multiples of"):
        snap(np.array([[2.0**30]]), 30, Norm.L2)


@pytest.mark.parametrize(
    ("value", "exact"), [(0.1, Fraction(1, 10)), ("1/3", Fraction(1, 3)), ("0.25", Fraction(1, 4)), (2, 2)]
)
def test_a_number_is_read_as_it_was_typed(value: object, exact: Fraction) -> None:
    assert rational(value, "delta") == exact


@pytest.mark.parametrize("value", ["x", math.inf, math.nan, "1/0", None])
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match="delta must be a number"):
        rational(value, "delta")


def dyadic_net(seed: int) -> Network:
    rng = np.random.default_rng(seed)

    def linear(m: int, n: int) -> Affine:
        return Affine(rng.integers(-20, 21, (m, n)) / 8, rng.integers(-20, 21, m) / 8)

    a, b, c = linear(4, 3), linear(4, 4), linear(2, 4)
    nodes = [
        Node(a, (0,)),
        Node(ReLU(4), (1,)),
        Node(b, (2,)),
        Node(Add(4), (3, 2)),
        Node(ReLU(4), (4,)),
        Node(c, (5,)),
    ]
    return Network((3,), tuple(nodes))


def least(row: list[Fraction], first: list[Fraction], second: list[Fraction]) -> Fraction:
    return sum((w * (f if w > 0 else s) for w, f, s in zip(row, first, second, strict=True)), Fraction(0))


def rational_bounds(network: Network, lower: list[Fraction], upper: list[Fraction]) -> tuple[list, list]:
    values = [(lower, upper)]
    for node in network.nodes:
        low, high = values[node.inputs[0]]
        if isinstance(node.op, Affine):
            rows = [[Fraction(w) for w in row] for row in np.asarray(node.op.weight).tolist()]
            bias = [Fraction(b) for b in node.op.bias.tolist()]
            low, high = (
                [b + least(row, low, high) for row, b in zip(rows, bias, strict=True)],
                [b + least(row, high, low) for row, b in zip(rows, bias, strict=True)],
            )
        elif isinstance(node.op, Add):
            other = values[node.inputs[1]]
            low, high = (
                [x + y for x, y in zip(low, other[0], strict=True)],
                [x + y for x, y in zip(high, other[1], strict=True)],
            )
        else:
            low, high = [max(x, Fraction(0)) for x in low], [max(x, Fraction(0)) for x in high]
        values.append((low, high))
    return values[-1]


@given(st.integers(0, 10**6), st.lists(st.integers(-64, 64), min_size=6, max_size=6))
def test_an_enclosure_is_that_of_rational_interval_arithmetic(seed: int, ends: list[int]) -> None:
    network, sides = dyadic_net(seed), np.sort(np.array(ends).reshape(2, 3), axis=0) / 16
    found = enclose(network, Intervals(sides[:1], sides[1:]))
    low, high = rational_bounds(network, *([Fraction(v) for v in side] for side in sides.tolist()))
    assert [Fraction(v) for v in found.lower[0].tolist()] == low
    assert [Fraction(v) for v in found.upper[0].tolist()] == high


@given(st.integers(0, 10**6), st.lists(st.floats(-3, 3), min_size=3, max_size=3))
def test_a_sum_that_might_round_is_refused_and_any_other_is_exact(seed: int, point: list[float]) -> None:
    network, x = dyadic_net(seed), np.array([point])
    try:
        found = enclose(network, Intervals(x, x))
    except Inexact:
        return
    assert [Fraction(v) for v in found.lower[0].tolist()] == ExactNetwork(network).evaluate(x[0])


def test_sums_that_round_and_convolutions_are_refused() -> None:
    wide = Network.chain([Affine(np.array([[1.0, 2.0**-60]]), np.zeros(1))])
    one = Intervals(np.ones((1, 2)), np.ones((1, 2)))
    with pytest.raises(Inexact, match="may round"):
        enclose(wide, one)
    image = Network.chain([Conv2d(np.ones((1, 1, 1, 1)), np.zeros(1), (1, 1, 2))])
    with pytest.raises(Inexact, match="Conv2d has no exact interval rule"):
        enclose(image, one)
