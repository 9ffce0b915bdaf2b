"""Solvers that do not tell the truth, and one that remembers what it was asked."""

import dataclasses as dc

import numpy as np

from certify.deadline import Deadline
from certify.region import Norm
from certify.solvers.milp.program import AbstractBackend, Program, Solved


@dc.dataclass
class Says(AbstractBackend):
    """Answers every program in the same way; ``corner`` is a point whose every variable has that value."""

    above: bool
    corner: float | None = None
    name: str = "liar"
    norms: tuple[Norm, ...] = tuple(Norm)
    asked: list[Program] = dc.field(default_factory=list)

    def solve(self, program: Program, deadline: Deadline, *, seed: int) -> Solved:
        del deadline, seed
        self.asked.append(program)
        point = None if self.corner is None else np.full(len(program.cost), self.corner)
        return Solved(self.above, point, "Optimal")
