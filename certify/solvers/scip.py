"""Programs solved by SCIP, which also knows l2 balls; the only file that imports pyscipopt, an optional package."""

import math
from typing import Any, final

import numpy as np

from certify.deadline import Deadline
from certify.errors import InvalidInput
from certify.region import Norm
from certify.solvers.milp.program import TOLERANCE, AbstractBackend, Program, Solved


@final
class Scip(AbstractBackend):
    """SCIP's branch and cut, on one thread. It knows two clocks: deadlines are in seconds of ``processor`` time or not.

    Raises:
        InvalidInput: pyscipopt is not installed.
    """

    name = "scip"
    norms = (Norm.LINF, Norm.L2, Norm.L1)

    def __init__(self, *, processor: bool = False) -> None:
        self._library, self._processor = load(), processor

    def solve(self, program: Program, deadline: Deadline, *, seed: int) -> Solved:
        if deadline.passed:
            return Solved(False, None, "the time limit")
        model = self._library.Model()
        model.hideOutput()
        model.setParam("randomization/randomseedshift", seed % (2**31))
        model.setParam("numerics/feastol", TOLERANCE)
        model.setParam("limits/primal", -program.limit)
        if math.isfinite(deadline.remaining):
            model.setParam("timing/clocktype", 1 if self._processor else 2)
            model.setParam("limits/time", max(deadline.remaining, 1e-3))
        variables = self._state(model, program)
        model.setObjlimit(program.limit)
        model.optimize()
        status = str(model.getStatus())
        above = status in ("infeasible", "inforunbd") or (
            status != "unknown" and model.getDualbound() > program.limit  # nodes above the limit are pruned
        )
        best = model.getBestSol() if model.getNSols() else None
        point = None if best is None else np.array([float(best[v]) for v in variables])
        return Solved(above, point, status)

    def _state(self, model: Any, program: Program) -> list[Any]:
        """Puts the program into the model; its variables."""
        kinds = ("C", "B")
        columns = zip(program.low.tolist(), program.high.tolist(), program.binary, program.cost.tolist(), strict=True)
        variables = [model.addVar(vtype=kinds[int(b)], lb=low, ub=high, obj=cost) for low, high, b, cost in columns]
        model.addObjoffset(program.constant)
        total = self._library.quicksum
        matrix = program.matrix
        for i, (low, high) in enumerate(zip(program.row_low.tolist(), program.row_high.tolist(), strict=True)):
            part = slice(matrix.indptr[i], matrix.indptr[i + 1])
            row = zip(matrix.data[part].tolist(), matrix.indices[part].tolist(), strict=True)
            form = total(a * variables[k] for a, k in row)
            if low == high:
                model.addCons(form == low)
                continue
            if math.isfinite(low):
                model.addCons(form >= low)
            if math.isfinite(high):
                model.addCons(form <= high)
        if program.ball:
            model.addCons(total(v * v for v in variables[: program.ball]) <= 1.0)
        return variables


def load() -> Any:
    """The package pyscipopt, for whoever builds a model with it.

    Raises:
        InvalidInput: it is not installed, or it does not load.
    """
    try:
        import pyscipopt

        return pyscipopt
    except ImportError as problem:
        raise InvalidInput(
            f"The method scip needs the package pyscipopt, which does not load ({problem}). Install it with: "
            f"pip install 'relucert[scip]'. The methods milp and exact need nothing more."
        ) from problem
