"""Numbers at the ends of float64's range: a rounded bound still never exceeds the exact margin."""

import math
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from certify.bounders.crown import CrownBounder
from certify.bounders.lipschitz import LipschitzBounder
from certify.bounders.operator_norms import spectral_up
from certify.deadline import Deadline
from certify.errors import InvalidInput
from certify.network import Affine, Network, ReLU
from certify.outcome import Status
from certify.query import Queries, robustness
from certify.radius import Certifier, Settings
from certify.region import Box, Norm
from certify.rounding import float_up, sqrt_up
from tests.oracles import evaluate

EVERY_NORM = pytest.mark.parametrize("norm", list(Norm), ids=str)


def scalar(*layers: tuple[float, float]) -> Network:
    """A network on the line: (weight, bias) for each layer, ReLUs between."""
    ops: list[Affine | ReLU] = []
    for weight, bias in layers:
        ops += [Affine(np.array([[weight]]), np.array([bias])), ReLU(1)]
    return Network.chain(ops[:-1])


@EVERY_NORM
def test_layer_norms_whose_product_underflows_still_count(norm: Norm) -> None:
    net = scalar(*[(1e-109, 0.0)] * 3, *[(1e109, 0.0)] * 2, (1e109, 1.0))
    queries = robustness(net, np.zeros((1, 1)), [1], norm=norm, radius=1e300)
    constant = LipschitzBounder(net).constants(queries.rows[0], norm)[0]
    assert Fraction(float(constant)) >= Fraction(1e-109) ** 3 * Fraction(1e109) ** 3


@pytest.mark.parametrize("seed", range(20))
def test_a_spectral_norm_of_denormal_numbers_is_bounded_from_above(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.integers(1, 200, size=(3, 3)) * 5e-324
    scaled = np.ldexp(matrix, 1060)
    assert spectral_up(matrix) >= np.ldexp(np.linalg.norm(scaled, 2) * (1 - 1e-12), -1060)
    assert math.isinf(spectral_up(np.full((2, 2), 1.7e308)))


@EVERY_NORM
@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("size", [1e-300, 1e-185, 1e-170, 1e-20, 1.0, 1e100])
def test_tiny_centres_and_huge_weights_do_not_lose_their_charge(norm: Norm, cut: bool, size: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        first = rng.normal(size=(3, 4)) * 10.0 ** rng.integers(-150, 150)
        second = rng.normal(size=(2, 3)) * 10.0 ** rng.integers(-150, 150)
        net = Network.chain([Affine(first, np.zeros(3)), ReLU(3), Affine(second, np.zeros(2))])
        centre = rng.normal(size=(1, 4)) * size
        domain = Box(np.minimum(centre[0], 0.0), np.maximum(centre[0], 0.0)) if cut else None
        rows = np.array([[[1.0, -1.0]]])
        queries = Queries(net, centre, np.array([size / 8]), norm, rows, np.zeros((1, 1)), domain)
        lower = CrownBounder(net, dtype=torch.float64, rounded=True).bound(queries, Deadline.never()).lower[0, 0]
        outputs = evaluate(net, centre[0])
        assert lower == -math.inf or Fraction(float(lower)) <= outputs[0] - outputs[1]


def test_repeated_entries_of_a_sparse_matrix_are_refused() -> None:
    repeated = sp.csr_array((np.array([1e16, 1.0, -1e16]), np.array([0, 0, 0]), np.array([0, 3])), shape=(1, 1))
    with pytest.raises(InvalidInput, match="sum_duplicates"):
        Network.chain([Affine(repeated, np.ones(1))])


def test_an_input_that_float64_gets_right_and_the_rationals_get_wrong_is_misclassified() -> None:
    weight = np.array([[1.0], [1.0], [1.0]])
    hidden = Affine(weight, np.array([2.0**53, 0.0, 0.0]))
    out = Affine(np.array([[1.0, -1.0, -1.0]]), np.array([-(2.0**53)]))
    net = Network.chain([hidden, ReLU(3), out])  # x + 2^53 - x - x - 2^53 = -x, and 1 + 2^53 rounds to 2^53
    point = np.array([[1.0]])
    exact = evaluate(net, point[0])[0]
    settings = Settings(norm=Norm.L2, method="crown", max_radius=0.5)
    ((_, found),) = Certifier(net, settings).certify(point, np.array([1]), lambda: 0.0)
    assert exact == -1
    assert found.status is Status.MISCLASSIFIED


def test_numbers_beyond_the_range_round_to_infinity_instead_of_crashing() -> None:
    assert float_up(Fraction(10) ** 400) == math.inf
    assert sqrt_up(Fraction(10) ** 400) == pytest.approx(1e200)
    assert Fraction(sqrt_up(Fraction(10) ** 400)) ** 2 >= Fraction(10) ** 400
