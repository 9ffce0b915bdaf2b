"""The steps of a search on their own: projections, and bounds that begin where a parent's ended."""

import numpy as np
import pytest
import torch
from torch import Tensor

from certify.deadline import Deadline
from certify.solvers.two_layer import projection
from certify.solvers.two_layer.ascent import Goal, Hint, maximise
from certify.solvers.two_layer.barrier import BarrierClimb
from certify.solvers.two_layer.dual import Nodes, Point
from certify.solvers.two_layer.incumbents import Incumbents
from certify.solvers.two_layer.model import TwoLayer
from certify.solvers.two_layer.projection import project_all
from certify.solvers.two_layer.questions import Questions
from certify.solvers.two_layer.units import Region, Units
from tests.two_layer.nets import asked, net

COUNT = 24


def random_units(seed: int, neurons: int, inputs: int) -> Units:
    """Questions about one random network at as many points."""
    rng = np.random.default_rng(seed)
    network = net(rng.normal(size=(neurons, inputs)), rng.normal(size=neurons), rng.normal(size=neurons), 0.3)
    points = rng.normal(size=(COUNT, inputs))
    queries = asked(network, points, (network.evaluate(points)[:, 0] > 0).astype(np.int64))
    model = TwoLayer.of(network)
    return Units(model, Questions.of(model, queries), "cpu")


def goal(enough: float, count: int = COUNT) -> Goal:
    """Up to ``enough``, as precisely as can be."""
    one = torch.ones(count, dtype=torch.float64)
    return Goal(enough * one, 1e-13 * one, 0.0 * one, Deadline.never())


def pieces(seed: int, neurons: int, inputs: int) -> tuple[Units, Tensor, Nodes]:
    """Random pieces in balls of radius 4: which neurons count as active, and the projections as nodes."""
    units = random_units(seed, neurons, inputs)
    drawn = torch.as_tensor(np.random.default_rng(seed).random((COUNT, neurons)) < 0.7)
    radius = torch.full((COUNT,), 4.0, dtype=torch.float64)
    return units, drawn, units.projections(torch.arange(COUNT), drawn, radius, 0.0)


@pytest.mark.parametrize(("neurons", "inputs"), [(3, 2), (8, 20), (20, 6), (30, 50)])
def test_a_projection_meets_its_own_bound(neurons: int, inputs: int) -> None:
    """Where a point of the piece is as near as a bound says that any is, it is the nearest."""
    near = 0
    for seed in range(3):
        units, active, nodes = pieces(seed, neurons, inputs)
        point = project_all(nodes, goal(0.5))
        assert bool((point.mu >= 0).all())
        assert bool(((point.x >= 0) & (point.x <= point.mu[:, None] * nodes.weight.clamp_min(0.0)))[nodes.convex].all())
        reached = point.value < 0.5
        near += int(reached.sum())
        t, weight = point.t, nodes.weight
        kept = torch.where(weight > 0, t.clamp_min(0.0), torch.where(active, t, 0.0))
        value = nodes.constant + (weight * kept).sum(1)
        assert bool((value[reached].abs() <= 1e-9).all())
        moved = (point.direction * (point.direction @ units.gram)).sum(1) / 2
        torch.testing.assert_close(moved[reached], point.value[reached], rtol=1e-9, atol=1e-9)
    assert near > COUNT // 2


def test_what_guesses_leave_open_goes_to_the_interior_point_method(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, nodes = pieces(5, 12, 20)
    guessed = project_all(nodes, goal(0.5))
    monkeypatch.setattr(projection, "_MOST_GUESSES", 0)
    near = guessed.value < 0.5
    other = project_all(nodes, goal(0.5))
    torch.testing.assert_close(other.value[near], guessed.value[near], rtol=1e-9, atol=1e-11)
    assert bool((other.value[~near] >= 0.5).all())
    assert bool((guessed.value[~near] >= 0.5).all())


def test_a_piece_is_projected_on_once(monkeypatch: pytest.MonkeyPatch) -> None:
    units = random_units(1, 10, 15)
    limit = torch.full((COUNT,), 4.0, dtype=torch.float64)
    found = Incumbents(units, torch.arange(COUNT), limit, gap=1e-9, deadline=Deadline.never())
    question, active = torch.arange(COUNT).repeat(2), torch.ones(2 * COUNT, 10, dtype=torch.bool)
    sizes: list[int] = []

    def spy(nodes: Nodes, aim: Goal) -> Point:
        sizes.append(len(nodes.start))
        return project_all(nodes, aim)

    monkeypatch.setattr("certify.solvers.two_layer.incumbents.project_all", spy)
    found.project(question, active)
    assert sizes[0] == COUNT
    radius = found.radius.clone()
    size = torch.frexp(radius)[1] == torch.frexp(limit)[1]
    sizes.clear()
    found.project(question, active)
    assert (sizes[0] if sizes else 0) == int((~size).sum())
    torch.testing.assert_close(found.radius, radius, rtol=1e-9, atol=0.0)


def test_a_hint_leads_to_the_same_bound_in_fewer_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint is where the parent ended as in a search; the node is a part of it, with enclosures half as wide."""
    units = random_units(2, 16, 24)
    radius = torch.full((COUNT,), 1.5, dtype=torch.float64)
    region = units.ball(torch.arange(COUNT), radius)
    lower, upper = ((side + units.start) / 2 for side in (region.lower, region.upper))
    nodes = units.nodes(Region(region.question, lower, upper, region.split), radius, bent=True)
    best = maximise(nodes, goal(9.0))
    usual = (best.mu < 1e3).nonzero()[:, 0]  # elsewhere D has no largest value
    assert len(usual) > COUNT // 4
    nodes, best = nodes.take(usual), best.take(usual)
    aim = Goal(best.value - 1e-7, 1e-13 + 0 * best.mu, 0 * best.mu, Deadline.never())
    parent = units.nodes(region, radius, bent=True).take(usual)
    above = maximise(parent, Goal(best.value, 1e-7 + 0 * best.mu, 0.25 + 0 * best.mu, Deadline.never()))
    steps: list[int] = []
    honest = BarrierClimb.step

    def counted(climb: BarrierClimb, gap: Tensor) -> None:
        steps.append(len(gap))
        honest(climb, gap)

    monkeypatch.setattr(BarrierClimb, "step", counted)
    cold, first = maximise(nodes, aim), sum(steps)
    hinted = maximise(nodes, aim, Hint(above.mu, above.x))
    assert sum(steps) - first < 0.95 * first
    for found, short in ((cold, 1e-7), (hinted, 1e-6)):  # some good starts are a long way from the end
        assert bool((found.value >= best.value - short).all())
        assert bool((found.value <= best.value + 1e-9).all())


def test_a_hint_where_the_quadratic_is_not_convex_is_not_taken() -> None:
    units = random_units(3, 16, 24)
    radius = torch.full((COUNT,), 1.5, dtype=torch.float64)
    nodes = units.nodes(units.ball(torch.arange(COUNT), radius), radius, bent=True)
    cold = maximise(nodes, goal(9.0))
    wild = maximise(nodes, goal(9.0), Hint(torch.ones_like(cold.mu), torch.full_like(cold.x, 1e3)))
    bent = nodes.bent.any(1)
    torch.testing.assert_close(wild.value[bent], cold.value[bent])
