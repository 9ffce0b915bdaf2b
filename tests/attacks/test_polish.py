"""What becomes a witness, and what does not."""

import dataclasses as dc

import numpy as np
import pytest

from certify.attacks.polish import confirm
from certify.errors import InvalidInput
from certify.network import Affine, Network, ReLU
from certify.query import Queries, robustness
from certify.region import Box, Norm
from tests.attacks.nets import chain, question, rational_margin


def _line(radius: float = np.inf, domain: Box | None = None) -> Queries:
    """Is x - 1/3 > 0 near x = 1? (on a second coordinate it does not depend)"""
    network = Network.chain([Affine(np.array([[1.0, 0.0]]), np.array([-1 / 3]))])
    return robustness(network, np.array([[1.0, 0.0]]), [1], norm=Norm.L2, radius=radius, domain=domain)


def test_a_far_candidate_is_drawn_back_to_the_boundary() -> None:
    (witness,) = confirm(_line(), np.array([[-50.0, 0.0]]))
    assert witness is not None
    assert witness.distance == pytest.approx(2 / 3, rel=1e-12)
    assert rational_margin(_line(), 0, witness.point) <= 0


def test_a_candidate_just_short_of_the_boundary_is_pushed_across() -> None:
    (witness,) = confirm(_line(), np.array([[1 / 3 + 1e-9, 0.0]]))
    assert witness is not None
    assert witness.distance == pytest.approx(2 / 3, rel=1e-8)


def test_a_candidate_without_a_counterexample_gives_none() -> None:
    assert confirm(_line(), np.array([[2.0, 0.0]])) == [None]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_candidate_that_is_not_finite_gives_none(bad: float) -> None:
    assert confirm(_line(), np.array([[bad, 0.0]])) == [None]


def test_a_counterexample_beyond_the_radius_gives_none() -> None:
    assert confirm(_line(radius=0.6), np.array([[-1.0, 0.0]])) == [None]
    assert confirm(_line(radius=0.7), np.array([[-1.0, 0.0]])) != [None]


@pytest.mark.parametrize("norm", Norm)
def test_without_shortening_a_candidate_moves_no_further_than_into_the_ball(norm: Norm) -> None:
    queries = dc.replace(_line(radius=1.0), norm=norm)
    for size in (1 - 1e-9, 1 + 1e-9, 7.0):
        (witness,) = confirm(queries, np.array([[1.0 - size, 0.0]]), shorten=False)
        assert witness is not None
        assert witness.distance <= 1.0
        assert witness.distance == pytest.approx(min(size, 1.0), rel=1e-11)
    assert confirm(queries, np.array([[1.5, 0.0]]), shorten=False) == [None]


def test_a_counterexample_outside_the_domain_gives_none() -> None:
    assert confirm(_line(domain=Box.uniform(0.5, 2.0, 2)), np.array([[-1.0, 1.0]])) == [None]


def test_a_tie_is_a_counterexample() -> None:
    dead = Network.chain([Affine(np.array([[1.0]]), np.array([-0.5])), ReLU(1)])
    queries = robustness(dead, np.array([[1.0]]), [1], norm=Norm.LINF, radius=np.inf)
    (witness,) = confirm(queries, np.array([[0.25]]))
    assert witness is not None
    assert witness.distance == pytest.approx(0.5, rel=1e-12)


def test_a_replay_that_disagrees_leaves_no_witness() -> None:
    assert confirm(_line(), np.array([[-1.0, 0.0]]), lambda points: np.ones((len(points), 1))) == [None]


def test_with_a_replay_the_point_survives_the_cast_to_float32() -> None:
    queries = question(chain((5, 9, 4), 3), Norm.L2, box=True)
    candidates = np.roll(queries.centres, 1, axis=0)

    def replay(points: np.ndarray) -> np.ndarray:
        return queries.network.evaluate(points.astype(np.float32).astype(np.float64))

    plain = confirm(queries, candidates)
    cast = confirm(queries, candidates, replay)
    assert any(witness is not None for witness in plain)
    for i, (first, second) in enumerate(zip(plain, cast, strict=True)):
        assert (first is None) == (second is None)
        if first is not None and second is not None:
            assert second.distance == pytest.approx(first.distance, rel=1e-3)
            assert rational_margin(queries, i, second.point.astype(np.float32).astype(np.float64)) <= 0


def test_candidates_of_another_shape_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"Candidates \(1, 3\) do not fit the \(1, 2\) centres"):
        confirm(_line(), np.zeros((1, 3)))
