"""Passes of a radius search: one relaxation each, by CROWN, by alpha-CROWN, or by any other bounder."""

import numpy as np
import torch
from jaxtyping import Float64, Int64

from certify.bounders.alpha import AlphaBounder
from certify.bounders.ball import BallBatch
from certify.bounders.base import AbstractBounder
from certify.bounders.closed_form import positive_radius, uncut_radius
from certify.bounders.crown import ChosenSlopes, CrownBounder
from certify.bounders.linear_form import LinearForm
from certify.deadline import Deadline
from certify.query import Queries
from certify.solvers.largest_radius import Pass


def crown_pass(bounder: CrownBounder, queries: Queries, deadline: Deadline) -> Pass:
    """One CROWN relaxation at the queries' radii."""
    enclosure, form = bounder.relax(queries, deadline)
    return read_pass(form, enclosure.ball)


def plain_pass(bounder: AbstractBounder, queries: Queries, at_centre: Float64[np.ndarray, " b"]) -> Pass:
    """One call of a bounder that tells nothing but bounds; the chord from the margin ``at_centre`` guesses the rest."""
    bounds = bounder.bound(queries, Deadline.never())
    drop = at_centre - bounds.lower.min(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        chord = np.where(drop > 0, queries.radii * np.maximum(at_centre, 0) / drop, np.inf)
    return Pass(bounds.radius, np.where(bounds.radius < queries.radii, np.minimum(chord, queries.radii), chord))


@torch.no_grad()
def linear_radius(bounder: CrownBounder, queries: Queries) -> Float64[np.ndarray, " b"]:
    """The radius of the network's linearisation at each centre, without the domain: a first guess, not a bound."""
    enclosure, form = bounder.relax(queries.within(np.zeros(len(queries))), Deadline.never())
    return _numbers(uncut_radius(form, enclosure.ball))


class AlphaPasses:
    """alpha-CROWN relaxations of a batch; remembers for each input the slopes of its largest certified radius."""

    def __init__(self, bounder: AlphaBounder, queries: Queries, deadline: Deadline) -> None:
        self._bounder, self._queries, self._deadline = bounder, queries, deadline
        self._kept: dict[int, tuple[Int64[np.ndarray, " k"], ChosenSlopes]] = {}
        self._best = np.zeros(len(queries))
        self._source = np.full(len(queries), -1)
        self._count = 0

    def __call__(self, index: Int64[np.ndarray, " k"], radii: Float64[np.ndarray, " k"]) -> Pass:
        """One relaxation of the inputs at ``index``."""
        ball, form, slopes = self._bounder.relax(self._queries.take(index).within(radii), self._deadline)
        found = read_pass(form, ball)
        better = found.proved > self._best[index]
        self._best[index] = np.where(better, found.proved, self._best[index])
        self._source[index[better]] = self._count
        self._kept[self._count] = (index, slopes)
        self._kept = {number: kept for number, kept in self._kept.items() if (self._source == number).any()}
        self._count += 1
        return found

    def chosen(self) -> "list[tuple[Int64[np.ndarray, ' k'], ChosenSlopes]]":
        """For each relaxation that is the best one of some inputs: those inputs, and their slopes on the CPU."""
        parts = [
            (index, np.flatnonzero(self._source[index] == number), slopes)
            for number, (index, slopes) in self._kept.items()
        ]
        return [(index[mine], slopes.take(torch.as_tensor(mine), "cpu")) for index, mine, slopes in parts]


@torch.no_grad()
def read_pass(form: LinearForm, ball: BallBatch) -> Pass:
    """What linear margins on balls tell a search."""
    found = positive_radius(form, ball, form.lower(ball).amin(1))
    return Pass(_numbers(found.proved), _numbers(found.wanted))


def _numbers(tensor: torch.Tensor) -> Float64[np.ndarray, " k"]:
    return tensor.detach().double().cpu().numpy()
