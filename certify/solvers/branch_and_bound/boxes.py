"""Boxes that wait in a search by halving: which question each belongs to, and what is known on all of it."""

import dataclasses as dc

import numpy as np
import torch
from torch import Tensor

from certify.bounders.enclosure import Enclosure
from certify.solvers.branch_and_bound.units import Units

_WIDTH = 0.05
"""What an axis's width counts by itself against the steepest slope of the bound: flat bounds are crude ones."""


@dc.dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """k boxes ``lower <= x <= upper`` (k, n), each of a ``question`` (k,), with a ``bound`` (k,) that was proved there.

    ``signs`` (k, U) in {-1, 0, 1}: 1 where a unit is proved to be >= 0 on the whole box, -1 where it is <= 0. Both
    hold on every part of the box.
    """

    question: Tensor
    lower: Tensor
    upper: Tensor
    signs: Tensor
    bound: Tensor

    @classmethod
    def whole(cls, lower: Tensor, upper: Tensor, units: Units) -> "Boxes":
        """One box a question, of which nothing is known."""
        count = len(lower)
        signs = torch.zeros((count, units.count), dtype=torch.int8)
        return cls(torch.arange(count), lower, upper, signs, lower.new_full((count,), -torch.inf))

    def __len__(self) -> int:
        return len(self.question)

    @property
    def bytes(self) -> int:
        """The memory that they take."""
        return sum(part.numel() * part.element_size() for part in self._parts())

    def take(self, index: Tensor) -> "Boxes":
        """The boxes at ``index``, or where a mask says so."""
        return Boxes(*(part[index] for part in self._parts()))

    def and_these(self, *others: "Boxes") -> "Boxes":
        """These, then the others."""
        return Boxes(*(torch.cat(parts) for parts in zip(self._parts(), *(o._parts() for o in others), strict=True)))

    def turns(self, crowded: bool) -> Tensor:
        """All boxes in the order in which to treat them: of each question its worst ones, the questions in turn.

        The latest ones first, which are the smallest, if there are too many.
        """
        if crowded:
            return torch.arange(len(self)).flip(0)
        question = self.question.numpy()
        order = np.lexsort((self.bound.numpy(), question))
        starts = np.flatnonzero(np.diff(question[order], prepend=-1))
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
        return torch.as_tensor(np.argsort(rank, kind="stable"))

    def halves(self, pull: Tensor) -> tuple["Boxes", Tensor]:
        """Both halves of every box that has a number between the ends of some axis, and which boxes (k,) have none.

        ``pull`` (k, n) are the steepest slopes of the bounds; they and the widths choose the axis.
        """
        middle = (self.lower + self.upper) / 2
        divides = (self.lower < middle) & (middle < self.upper)
        slope = pull.nan_to_num(nan=0.0, posinf=1e300)
        weight = (self.upper - self.lower) * (slope + _WIDTH * slope.amax(1, keepdim=True) + 1e-30)
        axis = torch.where(divides, weight, -1.0).argmax(1, keepdim=True)
        cut = middle.gather(1, axis)
        first = dc.replace(self, upper=self.upper.scatter(1, axis, cut))
        second = dc.replace(self, lower=self.lower.scatter(1, axis, cut))
        halved = divides.any(1)
        return first.take(halved).and_these(second.take(halved)), ~halved

    def _parts(self) -> tuple[Tensor, ...]:
        return self.question, self.lower, self.upper, self.signs, self.bound


def signs_of(enclosure: Enclosure, units: Units) -> Tensor:
    """The signs (B, U) that a finished enclosure proves."""
    pairs = [(enclosure.lower[value], enclosure.upper[value]) for value in units.values]
    blank = torch.zeros((len(enclosure.lower[0]), 0), dtype=torch.int8)
    return torch.cat([blank, *(_sign(lower, upper) for lower, upper in pairs)], dim=1)


def _sign(lower: Tensor, upper: Tensor) -> Tensor:
    positive, negative = lower >= 0, upper <= 0
    return positive.to(torch.int8) - (negative & ~positive).to(torch.int8)
