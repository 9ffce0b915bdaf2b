"""What has fooled solvers of this kind: each test is a mistake that was made once."""

import math

import numpy as np
import pytest
import torch

from certify.deadline import Deadline
from certify.solvers.two_layer import incumbents, search
from certify.solvers.two_layer.ascent import Goal
from certify.solvers.two_layer.dual import Nodes, Point
from certify.solvers.two_layer.model import TwoLayer
from certify.solvers.two_layer.proof import Multipliers
from certify.solvers.two_layer.questions import Questions
from certify.solvers.two_layer.units import Region, Units
from tests.two_layer.nets import asked, net, solved


def test_a_leaf_whose_bound_stays_short_caps_the_radius(monkeypatch: pytest.MonkeyPatch) -> None:
    """No counterexample is found and every bound is cut short: the radius must follow the worst bound."""
    honest = search.maximise

    def timid(nodes: Nodes, *rest: object) -> Point:
        point = honest(nodes, *rest)  # type: ignore[arg-type]
        return Point(point.mu, point.x, point.value / 4, *(getattr(point, n) for n in _REST))

    monkeypatch.setattr(search, "maximise", timid)
    network = net([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0], [1.0, -1.0])
    (answer,) = solved(asked(network, np.array([2.0, 0.5]), [1]))
    assert answer.lower <= 0.5 * 1.5 / math.sqrt(2) * (1 + 1e-9)
    assert answer.upper == pytest.approx(1.5 / math.sqrt(2))


_REST = ("slope", "curvature", "direction", "t", "whitened", "log_det")


def test_a_projection_does_not_use_signs_that_only_a_tightened_box_knows() -> None:
    """Its pieces keep relu on every convex-side neuron, so what it finds is a counterexample."""
    for seed in range(2):
        rng = np.random.default_rng(seed)
        weight, readout = rng.normal(size=(8, 5)), rng.normal(size=8)
        point = rng.normal(size=5)
        network = net(weight, np.zeros(8), readout, 0.2)
        (answer,) = solved(asked(network, point, [int(network.evaluate(point[None])[0, 0] > 0)]))
        assert answer.upper < math.inf
        assert answer.upper - answer.lower <= 1e-6 * answer.upper


def leaf_is_exact() -> bool:
    """Whether the nearest point of one leaf breaks the network at the distance that the leaf's bound says.

    ``f(z) = 1 + 2 relu(z_1 + 1/2) - relu(z_2)``, where earlier ellipsoids have left the first neuron at 0.2 or more and
    the second at 0 or more. That the first is on was found within the ellipsoids, and the leaf's program does not know
    them: with ``2 (z_1 + 1/2)`` in place of its relu the least point is (-0.8, 0.4), where f = 0.6.
    """
    network = net([[1.0, 0.0], [0.0, 1.0]], [0.5, 0.0], [2.0, -1.0], 1.0)
    queries = asked(network, np.zeros(2), [1])
    units = Units(TwoLayer.of(network), Questions.of(TwoLayer.of(network), queries), "cpu")
    row = {k: torch.tensor([v], dtype=torch.float64) for k, v in (("lower", [0.2, 0.0]), ("upper", [2.0, 2.0]))}
    region = Region(torch.tensor([0]), **row, split=torch.zeros(1, 2, dtype=torch.int8))
    radius = torch.tensor([2.0], dtype=torch.float64)
    nodes = units.nodes(region, radius, bent=True)
    never = Deadline.never()
    point = search.maximise(nodes, Goal(torch.tensor([9.0]), torch.tensor([1e-12]), torch.tensor([0.0]), never))
    z = 2.0 * point.direction[0].numpy()  # the weights are the axes
    distance = 2.0 * math.sqrt(2 * float(point.value[0]))
    return float(network.evaluate(z[None])[0, 0]) <= 1e-5 and math.isclose(distance, math.hypot(0.5, 1), rel_tol=1e-6)


def test_a_decided_leaf_keeps_relu_on_neurons_that_only_its_tightened_box_makes_linear(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert leaf_is_exact()
    honest = Units.nodes

    def linear(self: Units, region: Region, radius: torch.Tensor, *, bent: bool) -> Nodes:
        """The prototype's mistake."""
        nodes = honest(self, region, radius, bent=bent)
        on, off = nodes.convex & (nodes.lower >= 0), nodes.convex & (nodes.upper <= 0)
        known = on | off
        each = {n: getattr(nodes, n) for n in ("start", "weight", "lower", "upper", "bent")}
        each |= {"base": torch.where(on, nodes.weight, nodes.base), "convex": nodes.convex & ~known}
        return Nodes.of(nodes.gram, nodes.constant, **each, sign=torch.where(known, 0.0, nodes.sign))

    monkeypatch.setattr(Units, "nodes", linear)
    assert not leaf_is_exact()


def test_more_neurons_than_inputs_are_as_exact_as_fewer() -> None:
    """f = |x| - relu(|x| - 1) style hats on a line: the Gram matrix has rank 1, every projection lies in it."""
    weight = [[1.0], [-1.0], [1.0], [-1.0], [1.0], [2.0]]
    network = net(weight, [0.0, 0.0, -1.0, -1.0, -3.0, -8.0], [-1.0, -1.0, 1.0, 1.0, -1.0, 0.25], 1.5)
    (answer,) = solved(asked(network, np.array([0.25]), [1]))
    f = network.evaluate(np.linspace(-40, 40, 2**15 + 1)[:, None])[:, 0]
    nearest = np.abs(np.linspace(-40, 40, 2**15 + 1) - 0.25)[f <= 0].min(initial=math.inf)
    assert answer.lower <= nearest
    assert answer.upper >= answer.lower
    assert nearest == pytest.approx(answer.upper, abs=80 / 2**15)


def test_counterexamples_are_found_where_the_first_pieces_are_empty() -> None:
    """With every concave neuron active, or none, f never reaches 0; with one of them it does."""
    network = net([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]], [-2.0, -2.0, 0.0], [-1.0, -1.0, 0.0], 1.0)
    (answer,) = solved(asked(network, np.array([0.5, 0.0]), [1]))
    assert answer.lower == pytest.approx(2.5, rel=1e-6)
    assert answer.upper == pytest.approx(2.5, rel=1e-6)


def test_a_plateau_where_f_is_zero_counts_as_reached() -> None:
    network = net([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [-1.0, -1.0, -2.5], [1.0, 2.0, 0.5])
    answers = solved(asked(network, np.array([[3.0, 0.0], [2.0, 3.0], [1.5, 1.25]]), [1, 1, 1]))
    for answer, radius in zip(answers, (2.0, math.sqrt(5.0), math.sqrt(0.3125)), strict=True):
        assert answer.lower <= radius <= answer.upper
        assert answer.upper - answer.lower <= 1e-6 * radius


def test_nothing_is_certified_where_f_is_zero_at_the_input() -> None:
    network = net([[1.0, 0.0], [0.0, 1.0]], [-1.0, -1.0], [1.0, -1.0])
    (answer,) = solved(asked(network, np.array([0.5, 0.5]), [1], radius=1e-9))
    assert answer.lower == 0


def test_a_network_that_never_fails_is_certified_far_out() -> None:
    network = net([[1.0], [-1.0]], [0.0, 0.0], [1.0, 1.0], 1.0)
    (answer,) = solved(asked(network, np.array([0.5]), [1]))
    assert answer.upper == math.inf
    assert answer.lower > 100


def test_multipliers_without_meaning_become_harmless() -> None:
    bad = torch.tensor([[math.nan, math.inf, -1.0]], dtype=torch.float64)
    sane = Multipliers(bad, bad, torch.tensor([-1.0], dtype=torch.float64)).sane()
    assert sane.slope.tolist() == [[0.0, 0.0, -1.0]]
    assert sane.curvature.tolist() == [[0.0, 0.0, 0.0]]
    assert sane.price.tolist() == [1.0]


def test_neurons_that_are_multiples_of_each_other_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    honest = incumbents.project_all

    def spy(nodes: Nodes, goal: object) -> Point:
        sizes.append(len(nodes.gram))
        return honest(nodes, goal)  # type: ignore[arg-type]

    monkeypatch.setattr(incumbents, "project_all", spy)
    weight = np.outer([1.0, 3.0, 0.1, 1 / 3], [1.0, 2.0])
    network = net(np.vstack([weight, -weight]), np.zeros(8), [1, 2, 3, 4, -1, -2, -3, -4])
    (answer,) = solved(asked(network, np.array([1.0, 1.0]), [1]))
    assert set(sizes) == {2}
    assert answer.upper - answer.lower <= 1e-6 * answer.upper
    assert answer.upper == pytest.approx(3 / math.sqrt(5))
