"""The nearest counterexample of a two-layer network as a mixed-integer quadratic program, solved by SCIP (optional).

Minimise the squared distance subject to ``f <= 0``, with relu exact by one binary variable a neuron and big-M bounds on
the ball of a known counterexample (tjeng2019). In the row space of the weights, so that the dimension does not matter.
SCIP works in floating point and proves nothing.
"""

import dataclasses as dc
import importlib.util
import math
from typing import Any

import numpy as np
from jaxtyping import Float64

from certify.solvers.scip import load

_GAP = 1e-6
"""The relative gap of the squared distance at which SCIP may stop."""


def installed() -> bool:
    """Whether SCIP is there."""
    return importlib.util.find_spec("pyscipopt") is not None


@dc.dataclass(frozen=True, slots=True)
class Bracket:
    """What SCIP says: bounds on the distance (0 and infinity where it says nothing)."""

    lower: float
    upper: float


def nearest(
    weight: Float64[np.ndarray, "g d"],
    start: Float64[np.ndarray, " g"],
    readout: Float64[np.ndarray, " g"],
    offset: float,
    *,
    radius: float,
    seconds: float,
) -> Bracket:
    """The least ``|z|`` up to ``radius`` with ``offset + readout @ relu(start + weight @ z) <= 0``.

    One thread, ``seconds`` of CPU time.
    """
    scip: Any = load()
    model, total = scip.Model(), scip.quicksum
    model.hideOutput()
    model.setParam("timing/clocktype", 1)
    model.setParam("limits/time", seconds)
    model.setParam("parallel/maxnthreads", 1)
    model.setParam("limits/gap", _GAP)
    rows = np.linalg.qr(weight.T)[1].T
    z = [model.addVar(lb=-radius, ub=radius) for _ in range(rows.shape[1])]
    squared = model.addVar(lb=0.0, ub=radius**2)
    model.addCons(total(v * v for v in z) <= squared)
    terms: list[Any] = []
    for row, t0, a in zip(rows, start, readout, strict=True):
        reach = radius * float(np.linalg.norm(row))
        low, high = float(t0) - reach, float(t0) + reach
        t = model.addVar(lb=low, ub=high)
        model.addCons(t == float(t0) + total(float(w) * v for w, v in zip(row, z, strict=True) if w))
        y = model.addVar(lb=0.0, ub=max(high, 0.0))
        on = model.addVar(vtype="B")
        model.addCons(y >= t)
        model.addCons(y <= t - min(low, 0.0) * (1 - on))
        model.addCons(y <= max(high, 0.0) * on)
        terms.append(float(a) * y)
    model.addCons(total(terms) + offset <= 0)
    model.setObjective(squared)
    model.optimize()
    found = model.getNSols() > 0
    return Bracket(math.sqrt(max(model.getDualbound(), 0.0)), math.sqrt(model.getPrimalbound()) if found else math.inf)
