"""Programs solved by HiGHS: linear ones, so for linf and l1 regions."""

from typing import final

import highspy
import numpy as np
import scipy.sparse as sp

from certify.deadline import Deadline
from certify.region import Norm
from certify.solvers.milp.program import TOLERANCE, AbstractBackend, Program, Solved

_PRUNED = (
    highspy.HighsModelStatus.kInfeasible,
    highspy.HighsModelStatus.kObjectiveBound,
    highspy.HighsModelStatus.kUnboundedOrInfeasible,  # all variables are bounded
)


@final
class Highs(AbstractBackend):
    """HiGHS's branch and cut, on one thread."""

    name = "milp"
    norms = (Norm.LINF, Norm.L1)

    def solve(self, program: Program, deadline: Deadline, *, seed: int) -> Solved:
        if deadline.passed:
            return Solved(False, None, "the time limit")
        solver = highspy.Highs()
        for option, value in {
            "output_flag": False,
            "threads": 1,
            "random_seed": seed % (2**31),
            "mip_rel_gap": 0.0,
            "mip_abs_gap": 0.0,
            "mip_feasibility_tolerance": TOLERANCE,
            "objective_bound": program.limit,
            "objective_target": -program.limit,
        }.items():
            solver.setOptionValue(option, value)
        solver.passModel(_model(program))

        def look(event: highspy.HighsCallbackEvent) -> None:  # its own limit would know one clock only
            if deadline.passed:
                event.interrupt()

        for moment in (solver.cbMipInterrupt, solver.cbSimplexInterrupt, solver.cbIpmInterrupt):
            moment.subscribe(look)
        solver.run()
        status, info = solver.getModelStatus(), solver.getInfo()
        above = status in _PRUNED or info.mip_dual_bound > program.limit
        known = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        point = np.array(solver.getSolution().col_value) if known else None
        return Solved(above, point, solver.modelStatusToString(status))


def _model(program: Program) -> highspy.HighsLp:
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = program.matrix.shape[1], program.matrix.shape[0]
    model.col_cost_, model.offset_ = program.cost, program.constant
    model.col_lower_, model.col_upper_ = program.low, program.high
    model.row_lower_, model.row_upper_ = program.row_low, program.row_high
    columns = sp.csc_array(program.matrix)
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = np.asarray(columns.indptr, dtype=np.int32)
    model.a_matrix_.index_ = np.asarray(columns.indices, dtype=np.int32)
    model.a_matrix_.value_ = np.asarray(columns.data, dtype=np.float64)
    kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
    model.integrality_ = [kinds[int(binary)] for binary in program.binary]
    return model
