"""Exact evaluation agrees with plain loops over fractions, to the last digit."""

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import scipy.sparse as sp
from hypothesis import given

from certify.exact import Dyadic, ExactNetwork
from certify.network import Affine, Conv2d, Network, ReLU
from tests.oracles import evaluate
from tests.strategies import networks, points

floats = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(floats, min_size=1, max_size=5), st.integers(0, 80))
def test_a_float_is_the_dyadic_number_it_stores(numbers: list[float], finer: int) -> None:
    dyadic = Dyadic.of(np.array(numbers))
    assert dyadic.fractions() == [Fraction(number) for number in numbers]
    shift = dyadic.shift + finer
    assert [Fraction(int(i)) / Fraction(2) ** shift for i in dyadic.at(shift)] == [Fraction(n) for n in numbers]


@given(networks(), st.data())
def test_exact_outputs_are_those_of_plain_loops(network: Network, data: st.DataObject) -> None:
    point = data.draw(points(network.input_width))
    assert ExactNetwork(network).evaluate(point) == evaluate(network, point)


@given(st.lists(floats.filter(lambda f: abs(f) < 1e100), min_size=8, max_size=8))
def test_numbers_of_any_size_are_multiplied_without_loss(numbers: list[float]) -> None:
    w = np.array(numbers)
    network = Network.chain([Affine(w[:4].reshape(2, 2), w[4:6]), ReLU(2), Affine(np.ones((1, 2)), np.zeros(1))])
    assert ExactNetwork(network).evaluate(w[6:]) == evaluate(network, w[6:])


def test_what_float64_cancels_is_kept() -> None:
    network = Network.chain([Affine(np.array([[1.0, 1.0, -1.0]]), np.zeros(1))])
    point = np.array([1e-30, 1.0, 1.0])
    assert network.evaluate(point[None, :])[0, 0] == 0.0
    assert ExactNetwork(network).evaluate(point) == [Fraction(1e-30)]


def test_sparse_layers_and_grouped_strided_convolutions_are_exact() -> None:
    rng = np.random.default_rng(0)
    conv = Conv2d(rng.normal(size=(4, 1, 2, 2)), rng.normal(size=4), (2, 4, 3), (2, 1), (1, 0), groups=2)
    matrix = rng.normal(size=(3, conv.output_width)) * (rng.random((3, conv.output_width)) < 0.3)
    last = Affine(sp.csr_array(matrix), rng.normal(size=3))
    network = Network.chain([conv, ReLU(conv.output_width), last], input_shape=conv.image)
    point = rng.normal(size=network.input_width)
    assert ExactNetwork(network).evaluate(point) == evaluate(network, point)
