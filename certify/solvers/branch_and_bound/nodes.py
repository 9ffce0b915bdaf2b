"""A batch of open regions: each a question's region, cut by the phases that its path through the tree has fixed.

A phase +1 means that the unit's pre-activation is >= 0, a phase -1 that it is <= 0; a unit at 0 belongs to both, so the
two cover everything. On the cut region ``- beta * phase * t <= 0`` for every ``beta >= 0``, so adding it to a margin
gives a function whose lower bounds are bounds of the margin: that is all that multipliers do. (wang2021, Section 3.1)
"""

import dataclasses as dc

import torch
from torch import Tensor

from certify.bounders.enclosure import Enclosure
from certify.bounders.linear_form import LinearForm
from certify.bounders.relaxation import Relaxation
from certify.bounders.substitution import Substitution
from certify.solvers.branch_and_bound.units import Units


@dc.dataclass(frozen=True, slots=True, eq=False)
class Multipliers:
    """What the search chooses for each node and unit, (B, U) each: lower slopes, and prices ``beta`` of fixed phases.

    Any numbers give valid bounds: slopes are cut to [0, 1] and prices to [0, inf) where they are used.
    """

    slopes: Tensor
    prices: Tensor

    def take(self, index: Tensor) -> "Multipliers":
        """Those of the nodes at ``index``."""
        return Multipliers(self.slopes[index], self.prices[index])

    def to(self, like: Tensor) -> "Multipliers":
        """The same numbers in ``like``'s dtype and on its device."""
        return Multipliers(self.slopes.to(like), self.prices.to(like))


@dc.dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """B regions with one margin each: ``row`` (B, 1, m) and ``offset`` (B, 1); ``phases`` (B, U) in {-1, 0, 1}.

    ``enclosure`` holds on the regions; its rounding is accounted for where it says so.
    """

    units: Units
    enclosure: Enclosure
    row: Tensor
    offset: Tensor
    phases: Tensor

    def __len__(self) -> int:
        return len(self.phases)

    def take(self, index: Tensor) -> "Nodes":
        """The nodes at ``index``."""
        return Nodes(self.units, self.enclosure.take(index), self.row[index], self.offset[index], self.phases[index])

    def form(self, chosen: Multipliers) -> LinearForm:
        """Linear lower bounds of the margins on the regions."""
        enclosure = self.enclosure
        slopes = {i: part[:, None, :] for k, part in self.units.parts(chosen.slopes) for i in self.units.readers[k]}
        walk = Substitution(enclosure, len(enclosure.lower) - 1, self.row, slopes)
        for value, part in self.units.parts(-(chosen.prices.clamp_min(0.0) * self.phases)):
            walk.add(value, part[:, None, :])
        form = walk.finish()
        return dc.replace(form, constant=form.constant + self.offset)

    def bound(self, chosen: Multipliers) -> Tensor:
        """Lower bounds (B,) of the margins."""
        return self.form(chosen).lower(self.enclosure.ball)[:, 0]

    def unstable(self) -> Tensor:
        """Which units (B, U) still change sign on the region."""
        of_value = {k: self.enclosure.relaxations[self.units.readers[k][0]].unstable for k in self.units.values}
        return self.units.join(of_value, self.phases.bool())

    def fixed_at(self, column: Tensor, phase: Tensor) -> "Nodes":
        """The nodes with the unit ``column[b]`` of each put into ``phase[b]``; other intervals stay as they are."""
        phases = self.phases.scatter(1, column[:, None], phase[:, None].to(self.phases))
        return dc.replace(self, enclosure=cut(self.enclosure, self.units, phases), phases=phases)

    def empty(self) -> Tensor:
        """Which regions (B,) hold no point: some value's bounds have crossed."""
        bounds = zip(self.enclosure.lower, self.enclosure.upper, strict=True)
        return torch.stack([(low > high).any(1) for low, high in bounds]).any(0)


def cut(whole: Enclosure, units: Units, phases: Tensor) -> Enclosure:
    """``whole`` on the parts of its regions where ``phases`` (B, U) hold; other intervals stay as they are."""
    relaxations, lower, upper = dict(whole.relaxations), list(whole.lower), list(whole.upper)
    for value, part in units.parts(phases):
        lower[value], upper[value] = clipped(lower[value], upper[value], part)
        relaxation = Relaxation.of(lower[value], upper[value])
        relaxations.update(dict.fromkeys(units.readers[value], relaxation))
    return Enclosure(whole.network, whole.ball, lower, upper, whole.typical, relaxations)


def clipped(lower: Tensor, upper: Tensor, phases: Tensor) -> tuple[Tensor, Tensor]:
    """The bounds (B, n) of a value whose coordinates have ``phases`` (B, n)."""
    return torch.where(phases > 0, lower.clamp_min(0.0), lower), torch.where(phases < 0, upper.clamp_max(0.0), upper)
