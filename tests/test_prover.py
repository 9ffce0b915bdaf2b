"""Provers on a small trained classifier: few passes, proofs that lose next to nothing, slopes that help."""

import itertools

import numpy as np
import pytest
import torch

from certify.bounders.alpha import AlphaBounder
from certify.bounders.crown import CrownBounder
from certify.cli.demo_training import train
from certify.deadline import Deadline
from certify.io.datasets import load_points
from certify.query import Queries, robustness
from certify.region import Box, Norm
from certify.solvers.largest_radius import Found
from certify.solvers.prover import AbstractProver, AlphaProver, CrownProver
from certify.solvers.triangle import TriangleProver

EVERY_NORM = pytest.mark.parametrize("norm", list(Norm), ids=str)


@pytest.fixture(scope="module")
def questions() -> Queries:
    learned, test = load_points("digits:train", None), load_points("digits", None)
    network = train(learned.points, learned.labels, seed=0)
    right = np.flatnonzero(network.evaluate(test.points).argmax(axis=1) == test.labels)[:24]
    domain = Box.uniform(0.0, 1.0, 64)
    return robustness(network, test.points[right], test.labels[right], norm=Norm.L2, radius=np.inf, domain=domain)


def asked(questions: Queries, norm: Norm) -> Queries:
    rows = (questions.network, questions.centres, questions.radii, norm, questions.rows, questions.offsets)
    return Queries(*rows, questions.domain)


def found(prover: AbstractProver, queries: Queries, start: np.ndarray) -> Found:
    return prover.prove(queries, start=start, tolerance=1e-3, deadline=Deadline.never())


@EVERY_NORM
def test_a_radius_to_a_thousandth_takes_a_handful_of_passes(questions: Queries, norm: Norm) -> None:
    queries = asked(questions, norm)
    prover = CrownProver(queries.network)
    answer = found(prover, queries, prover.guess(queries))
    assert np.median(answer.passes) <= 6
    assert answer.settled.all()
    assert (answer.radius > 0).all()


@EVERY_NORM
def test_the_search_is_no_further_from_the_largest_radius_than_its_tolerance(questions: Queries, norm: Norm) -> None:
    queries = asked(questions, norm)
    prover = CrownProver(queries.network)
    coarse = found(prover, queries, prover.guess(queries)).radius
    fine = prover.prove(queries, start=coarse, tolerance=1e-5, deadline=Deadline.never()).radius
    assert (coarse >= fine * (1 - 2e-3)).all()


@EVERY_NORM
def test_chosen_slopes_certify_larger_radii(questions: Queries, norm: Norm) -> None:
    queries = asked(questions, norm).take(np.arange(8))
    prover = CrownProver(queries.network)
    crown = found(prover, queries, prover.guess(queries)).radius
    alpha = found(AlphaProver(queries.network), queries, crown * 1.1).radius
    assert (alpha >= crown * (1 - 2e-3)).all()
    assert alpha.mean() > crown.mean() * 1.005


def test_slopes_chosen_for_some_inputs_of_a_batch_leave_the_others_provable(questions: Queries) -> None:
    queries = asked(questions, Norm.LINF).take(np.arange(2)).within(np.array([1e-6, 0.1]))
    _, _, slopes = AlphaBounder(queries.network).relax(queries, Deadline.never())
    assert any(len(parts) for parts in slopes.hidden.values())
    first = slopes.take(torch.tensor([0]), "cpu")  # its pieces hold no row of this input
    proof = CrownBounder(queries.network, dtype=torch.float64, rounded=True)
    proved = proof.certify(queries.take(np.array([0])), Deadline.never(), first)
    assert proved.radius[0] == 1e-6


@EVERY_NORM
def test_linear_programs_certify_no_smaller_radii_than_ascent(questions: Queries, norm: Norm) -> None:
    queries = asked(questions, norm).take(np.arange(3))
    prover = CrownProver(queries.network)
    alpha = found(AlphaProver(queries.network), queries, 1.1 * found(prover, queries, prover.guess(queries)).radius)
    answer = found(TriangleProver(queries.network), queries, 1.1 * alpha.radius)
    assert (answer.radius >= alpha.radius * (1 - 1e-3)).all()
    assert answer.radius.mean() > alpha.radius.mean()
    assert answer.settled.all()
    assert answer.passes.max() <= 8


def test_linear_programs_stop_at_the_deadline_with_what_is_proved(questions: Queries) -> None:
    queries = asked(questions, Norm.LINF).take(np.arange(2))
    prover, ticks = CrownProver(queries.network), itertools.count()
    start = found(prover, queries, prover.guess(queries)).radius
    best = found(TriangleProver(queries.network), queries, start).radius
    for limit, positive in ((1, False), (60, False), (500, True)):
        deadline = Deadline.after(float(limit), lambda: float(next(ticks)))
        answer = TriangleProver(queries.network).prove(queries, start=start, tolerance=1e-3, deadline=deadline)
        assert next(ticks) - deadline.end <= 60
        assert positive or not answer.settled.any()
        assert (answer.radius <= best * (1 + 2e-3)).all()
        assert not positive or (answer.radius > 0.5 * best).all()
