"""What a review of the proof found: numbers at the ends of float64, and networks with nothing in them."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from certify.network import Network
from certify.query import Queries
from certify.solvers.two_layer.forest import Forest
from certify.solvers.two_layer.model import TwoLayer
from certify.solvers.two_layer.proof import Multipliers
from certify.solvers.two_layer.questions import Questions
from tests.two_layer.nets import asked, net, solved


def root_proves(network: Network, point: list[float], radius: float, numbers: tuple[float, float, float]) -> bool:
    """Whether one node with this slope, curvature and price proves ``radius`` for a network of one neuron."""
    model = TwoLayer.of(network)
    slope, curvature, price = (torch.tensor([number], dtype=torch.float64) for number in numbers)
    none, first = torch.tensor([-1]), torch.tensor([0])
    forest = Forest(first, none, none, first, Multipliers(slope[:, None], curvature[:, None], price))
    questions = Questions.of(model, asked(network, np.array(point), [1]))
    return bool(forest.proves(model, questions, torch.tensor([radius], dtype=torch.float64)).all())


@pytest.mark.parametrize("scale", [1e-165, 1e-100, 1e-30, 1.0, 1e30, 1e100])
def test_a_squared_radius_that_underflows_proves_nothing_beyond_the_witness(scale: float) -> None:
    """Here f(x) = relu(x), so 0 is a witness at distance ``scale``."""
    network = net([[1.0]], [0.0], [1.0])
    for factor in (1.0, 10.0, 100.0):
        for price in (0.3, 0.5, 1.0, 100.0):
            assert not root_proves(network, [scale], factor * scale, (1.0, 0.0, price / scale))


@pytest.mark.parametrize("scale", [1e-30, 1e-8, 1.0, 1e8, 1e30])
def test_scales_that_occur_are_proved_all_the_same(scale: float) -> None:
    network = net([[1.0]], [0.0], [1.0])
    assert root_proves(network, [scale], (1 - 1e-6) * scale, (1.0, 0.0, 0.5 / scale))


@pytest.mark.parametrize(
    "network",
    [
        net([[1e150]], [0.0], [1.0]),
        net([[1e200]], [0.0], [1.0]),
        net([[1.0]], [0.0], [1e-300]),
        net([[1.0]], [0.0], [1e300]),
        net([[1e-160]], [0.0], [1e160]),
        net([[1.0], [1.0 + 2**-50]], [0.0, 0.0], [0.5, 1e-310]),
    ],
)
def test_weights_at_the_ends_of_float64_prove_no_more_than_is_true(network: Network) -> None:
    """Each is 0 at 0 and positive at 1."""
    (answer,) = solved(asked(network, np.array([1.0]), [1], radius=2.0))
    assert answer.lower < 1
    assert answer.upper >= 1


def test_the_error_of_a_start_is_charged_where_squares_of_the_point_underflow() -> None:
    rng = np.random.default_rng(0)
    weight = 1e150 * np.array([[1.0, -1.0, 1.0]])
    for _ in range(20):
        a, b = rng.uniform(1, 2, size=2)
        point = 1e-168 * np.array([a, b, b - a])
        network = net(weight, [0.0], [1.0])
        questions = Questions.of(TwoLayer.of(network), asked(network, point, [1]))
        exact = sum(Fraction(w) * Fraction(x) for w, x in zip(weight[0].tolist(), point.tolist(), strict=True))
        assert abs(Fraction(float(questions.start[0, 0])) - exact) <= Fraction(float(questions.start_error[0, 0]))


def test_a_row_or_a_point_beyond_all_measure_proves_nothing() -> None:
    network = net([[1.0, 0.0]], [0.0], [1.0])
    far = asked(network, np.array([1.0, 1e200]), [1])
    assert solved(far)[0].lower == 0
    near = asked(network, np.array([1.0, 0.0]), [1])
    heavy = Queries(network, near.centres, near.radii, near.norm, 1e200 * near.rows, near.offsets)
    assert solved(heavy)[0].lower == 0


def test_a_network_without_neurons_is_a_constant() -> None:
    for offset, label in ((1.0, 1), (-1.0, 0)):
        network = net(np.zeros((0, 2)), np.zeros(0), np.zeros(0), offset)
        (answer,) = solved(asked(network, np.array([1.0, 2.0]), [label]))
        assert answer.lower > 0
        assert answer.upper == np.inf


@pytest.mark.parametrize("place", [0.0, 1e8])
def test_a_tie_at_the_input_has_no_radius_however_far_out(place: float) -> None:
    network = net([[1.0], [1.0]], [-place, -place], [1.0, -1.0])
    (answer,) = solved(asked(network, np.array([place]), [1], radius=1e-9))
    assert answer.lower == 0


def test_a_witness_far_from_the_origin_is_never_covered() -> None:
    """f(x) = relu(x - 1e8) and its rounded neighbours; the start's rounding is relative to 1e8."""
    for gap in (2.0**-26, 2.0**-20, 1e-3, 1.0):
        point = 1e8 + gap
        network = net([[1.0]], [-1e8], [1.0])
        (answer,) = solved(asked(network, np.array([point]), [1]))
        assert Fraction(answer.lower) < Fraction(point) - 10**8
