"""Hidden bounds by branching: sound whatever the search says, tight where it has leaves enough."""

from fractions import Fraction

import hypothesis
import numpy as np
import pytest
import torch

from certify.bounders.crown import CrownBounder
from certify.bounders.enclosure import Enclosure
from certify.deadline import Deadline
from certify.network import Network
from certify.query import Queries
from certify.region import Norm
from certify.solvers.branch_and_bound import sharpening as sharpening_file
from certify.solvers.branch_and_bound.ascent import Ascent
from certify.solvers.branch_and_bound.effort import Effort
from certify.solvers.branch_and_bound.forest import Forest
from certify.solvers.branch_and_bound.nodes import Multipliers, Nodes
from certify.solvers.branch_and_bound.sharpening import sharpen
from certify.solvers.branch_and_bound.units import Units
from certify.tensor_network import TensorNetwork
from tests.branch_and_bound.nets import convolutional, dense, questions, residual
from tests.oracles import min_margin
from tests.strategies import Problem, chains, problems, residual_nets

PATIENT = Effort(hidden=Ascent(steps=100, decay=0.97))
"""Long ascents: nearly the best prices."""

POLYHEDRAL = (Norm.LINF, Norm.L1)
layered = hypothesis.strategies.one_of(chains(), residual_nets())


def enclosed(queries: Queries) -> Enclosure:
    """What CROWN knows of the questions' regions, rounding accounted for."""
    return CrownBounder(queries.network, dtype=torch.float64, rounded=True).relax(queries, Deadline.never())[0]


def sharpened(
    whole: Enclosure, value: int, leaves: int, deadline: Deadline | None = None, effort: Effort | None = None
) -> Enclosure:
    """The value's open units bounded by small trees, searched in float32."""
    search = TensorNetwork(whole.network.network, dtype=torch.float32)
    limit = deadline or Deadline.never()
    return sharpen(whole, value, search, leaves=leaves, effort=effort or Effort(), deadline=limit)


def exact_ends(problem: Problem, value: int) -> list[tuple[Fraction, Fraction]]:
    """The least and the largest value of each unit on the region, by enumeration."""
    part = Network(problem.network.input_shape, problem.network.nodes[:value])
    ends: list[tuple[Fraction, Fraction]] = []
    for unit in np.eye(part.output_width):
        low, high = (
            min_margin(part, problem.point, problem.radius, problem.norm, sign * unit, 0.0, problem.domain)
            for sign in (1.0, -1.0)
        )
        ends.append((low, -high))
    return ends


def violated(problem: Problem, known: Enclosure, value: int) -> bool:
    """Whether some bound of the value cuts off a number that it takes."""
    bounds = zip(known.lower[value][0].tolist(), known.upper[value][0].tolist(), strict=True)
    return any(
        Fraction(low) > least or Fraction(high) < most
        for (low, high), (least, most) in zip(bounds, exact_ends(problem, value), strict=True)
    )


@hypothesis.given(problem=problems(nets=layered, norms=POLYHEDRAL))
def test_sharpened_bounds_hold_on_the_whole_region(problem: Problem) -> None:
    value = Units(problem.network).values[-1]
    assert not violated(problem, sharpened(enclosed(problem.queries()), value, 6), value)


@hypothesis.given(problem=problems(nets=layered, norms=POLYHEDRAL))
def test_trees_with_every_phase_fixed_give_the_exact_ends_of_open_units(problem: Problem) -> None:
    whole, value = enclosed(problem.queries()), Units(problem.network).values[-1]
    before, known = whole.upto(value), sharpened(whole, value, 64, effort=PATIENT)
    ends = exact_ends(problem, value)
    for k in ((before.lower[value] < 0) & (before.upper[value] > 0))[0].nonzero()[:, 0].tolist():
        low, high, (least, most) = float(known.lower[value][0, k]), float(known.upper[value][0, k]), ends[k]
        width = float(before.upper[value][0, k] - before.lower[value][0, k])
        slack = 0.05 * width + 1e-12  # the prices of leaves are not optimal
        if low < 0 < high:
            assert low >= float(least) - slack
            assert high <= float(most) + slack
        else:  # a settled unit is bounded no further
            assert low >= 0 or high <= 0


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize("build", [lambda s: dense((3, 8, 8, 6, 3), s), residual, convolutional])
def test_more_leaves_never_lose_and_gain_somewhere(build, norm: Norm) -> None:
    asked = questions(build(5), 3, norm=norm, radius=0.3 * build(5).input_width ** (1 / norm.value))
    whole, value = enclosed(asked), Units(asked.network).values[-1]
    widths = [
        (known.upper[value] - known.lower[value])
        for known in (whole.upto(value), sharpened(whole, value, 1), sharpened(whole, value, 16))
    ]
    assert (widths[1] <= widths[0]).all()
    assert float(widths[2].sum()) < float(widths[0].sum())


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize("build", [lambda s: dense((3, 8, 8, 6, 3), s), residual, convolutional])
def test_no_point_of_the_region_leaves_the_sharpened_bounds(build, norm: Norm) -> None:
    asked = questions(build(7), 2, norm=norm, radius=0.3 * build(7).input_width ** (1 / norm.value))
    whole, value = enclosed(asked), Units(asked.network).values[-1]
    known, rng = sharpened(whole, value, 16), np.random.default_rng(1)
    part = Network(asked.network.input_shape, asked.network.nodes[:value])
    for q in range(len(asked)):
        moves = rng.normal(size=(400, part.input_width))
        lengths = np.linalg.norm(moves, ord=norm.value, axis=1)[:, None]
        points = np.clip(asked.centres[q] + asked.radii[q] * moves / lengths, 0.0, 1.0)
        values = part.evaluate(points)
        assert (values >= known.lower[value][q].numpy()).all()
        assert (values <= known.upper[value][q].numpy()).all()


def boastful(nodes: Nodes, start: Multipliers, *_: object) -> tuple[torch.Tensor, Multipliers]:
    """A search that finds every bound enormous."""
    return torch.full_like(nodes.offset[:, 0], 1e30), start


def spoilt(nodes: Nodes, start: Multipliers, *_: object) -> tuple[torch.Tensor, Multipliers]:
    """A search whose multipliers are no numbers, or far too large."""
    slopes, prices = torch.full_like(start.slopes, -7.0), torch.full_like(start.prices, 1e30)
    slopes[::2], prices[::2] = torch.nan, torch.inf
    return torch.full_like(nodes.offset[:, 0], -1.0), Multipliers(slopes, prices)


@pytest.mark.parametrize("search", [boastful, spoilt])
@hypothesis.given(problem=problems(nets=layered, norms=POLYHEDRAL))
def test_a_search_that_lies_sharpens_nothing_too_far(search, problem: Problem) -> None:
    value = Units(problem.network).values[-1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sharpening_file, "ascend", search)
        known = sharpened(enclosed(problem.queries()), value, 6)
    assert not violated(problem, known, value)


def test_trees_that_do_not_cover_their_region_bound_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = questions(dense((3, 8, 8, 3), 2), 2, norm=Norm.LINF, radius=0.3)
    whole = enclosed(asked)
    value = Units(asked.network).values[-1]
    monkeypatch.setattr(Forest, "covering", lambda self: np.zeros(int(self.tree[: self.size].max()) + 1, dtype=bool))
    known = sharpened(whole, value, 8)
    assert torch.equal(known.lower[value], whole.lower[value])
    assert torch.equal(known.upper[value], whole.upper[value])


def test_without_time_nothing_is_sharpened_and_nothing_lost() -> None:
    asked = questions(dense((3, 8, 8, 3), 2), 2, norm=Norm.LINF, radius=0.3)
    whole, value = enclosed(asked), Units(asked.network).values[-1]
    late = Deadline(lambda: 1.0, 0.0)
    known = sharpened(whole, value, 8, late)
    assert torch.equal(known.lower[value], whole.lower[value])
    assert len(known.lower) == value + 1


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("no room")])
def test_trees_that_do_not_fit_are_grown_in_smaller_groups(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = questions(dense((3, 8, 8, 3), 2), 2, norm=Norm.LINF, radius=0.3)
    whole, value = enclosed(asked), Units(asked.network).values[-1]
    expected, real, refused = sharpened(whole, value, 4), sharpening_file.ascend, []

    def greedy(nodes: Nodes, *rest):
        if len(nodes) > 4:
            refused.append(len(nodes))
            raise error
        return real(nodes, *rest)

    monkeypatch.setattr(sharpening_file, "ascend", greedy)
    known = sharpened(whole, value, 4)
    assert refused
    assert torch.allclose(known.lower[value], expected.lower[value], atol=1e-3)


def test_what_fits_nowhere_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = questions(dense((3, 8, 8, 3), 2), 2, norm=Norm.LINF, radius=0.3)
    whole, value = enclosed(asked), Units(asked.network).values[-1]

    def greedy(*_: object):
        raise MemoryError

    monkeypatch.setattr(sharpening_file, "ascend", greedy)
    known = sharpened(whole, value, 4)
    assert torch.equal(known.lower[value], whole.lower[value])
    assert torch.equal(known.upper[value], whole.upper[value])
