"""What a network of nodal hats is proved to do, from the numbers in its last layer and the nodes near the classes."""

import dataclasses as dc
from fractions import Fraction

import numpy as np
from jaxtyping import Bool, Float64, Int64

from certify.network import Network
from constructions.enclosure import Inexact, Intervals, enclose
from constructions.generalisation.hats import Hats
from constructions.generalisation.survey import Survey
from constructions.sameness import difference
from constructions.theorem import Evidence, Proved, Refuted, Undecided

_WORK = 20_000_000
"""Multiplications that evaluating a network at all its nodes may take."""
_BATCH = 512
_LARGEST = 1e6
"""Weights of the last layer up to which sums with them are bounded usefully."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Interpolant:
    """A network proved to be ``constant + sum of values * hats``: on each simplex the mean of its vertices' values.

    ``values`` (M,) are those of all nodes of the mesh, 0 where there is no hat.
    """

    survey: Survey
    values: Float64[np.ndarray, " M"]
    constant: float

    def over(self, nodes: Bool[np.ndarray, " M"]) -> tuple[Fraction, Fraction]:
        """The smallest and the largest value of the network at these nodes, exact."""
        here = self.values[nodes]
        shift = Fraction(self.constant)
        return Fraction(float(here.min())) + shift, Fraction(float(here.max())) + shift

    def node_error(self, nodes: Bool[np.ndarray, " M"]) -> Fraction:
        """An upper bound of how far the network is from the margin function at these nodes."""
        here = self.values[nodes]
        gaps = np.abs((here + self.constant) - self.survey.margins[nodes])
        size = float(np.abs(here).max()) + abs(self.constant) + 2
        rounding = Fraction(size) / 2**51  # two sums of numbers of at most this size, and the sizes themselves
        return Fraction(float(gaps.max())) + rounding + self.survey.classes.margin.error(self.survey.classes.attack.eps)

    def margin_by_signs(self) -> Fraction:
        """A lower bound of the margin under attack: the worst vertex of a simplex that meets an attacked ball."""
        lowest, _ = self.over(self.survey.near_positive)
        _, highest = self.over(self.survey.near_negative)
        return min(lowest, -highest)

    def margin_by_error(self) -> Fraction:
        """Another: what the margin function has there, less the distance to it."""
        needed = self.survey.near_positive | self.survey.near_negative
        return 1 - self.survey.classes.attack.c - self.distance(needed)

    def distance(self, nodes: Bool[np.ndarray, " M"]) -> Fraction:
        """An upper bound of ``|network - margin function|`` on the simplices with all vertices among these."""
        slope = self.survey.classes.margin.lipschitz(self.survey.classes.attack.eps)
        return self.node_error(nodes) + slope * self.survey.mesh.deviation


def read(network: Network, hats: Hats, survey: Survey, kept: Int64[np.ndarray, " K"]) -> Interpolant | Undecided:
    """``network`` as an interpolant on the hats of the nodes ``kept``: the same weights up to the last layer."""
    found = hats.values(network)
    if found is None:
        return Undecided(f"The last layer does not weigh {len(kept):,} hats: this is no interpolant on that mesh.")
    values, constant = found
    if max(float(np.abs(values).max()), abs(constant)) > _LARGEST:
        return Undecided(f"The last layer has weights above {_LARGEST:g}: no interpolant of values in [-1, 1].")
    where = difference(network, hats.network(values, constant))
    if where is not None:
        return Undecided(f"The layers before the last are not those of the nodal hats; they differ at {where}.")
    every = np.zeros(len(survey.nodes))
    every[kept] = values
    return Interpolant(survey, every, constant)


def interpolation(network: Network, hats: Hats) -> Evidence:
    """Whether the hats are nodal, 1 at their node and 0 at others; evaluated exactly where that is affordable."""
    count = len(hats.nodes)
    method = "the layers before the last are compared with those of the nodal hats weight by weight"
    if count * network.count().nnz > _WORK:
        return Proved(method, f"{count:,} hats; evaluating them all at all nodes would take too long")
    rest = hats.after_hinges(network)
    found = hats.values(network)
    assert found is not None, "read() comes first"
    for start in range(0, count, _BATCH):
        places = hats.hinges_at(hats.nodes[start : start + _BATCH])
        try:
            answers = enclose(rest, Intervals(places, places)).lower[:, 0]
        except Inexact as error:
            return Undecided(str(error))
        wrong = np.flatnonzero(answers != found[0][start : start + _BATCH] + found[1])
        if wrong.size:
            node = hats.nodes[start + int(wrong[0])].tolist()
            return Refuted("evaluated at the nodes", f"at node {node}/{hats.cells} the value is {answers[wrong[0]]}")
    return Proved(f"{method}, and the network is evaluated at all their nodes exactly", f"{count:,} values met exactly")
