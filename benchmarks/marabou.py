"""Verdicts by Marabou, an SMT solver for networks (wu2024); the only file that imports maraboupy, which is optional."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from certify.attacks.polish import confirm
from certify.bounders.crown import CrownBounder
from certify.bounders.enclosure import Enclosure
from certify.deadline import Deadline
from certify.errors import InvalidInput
from certify.network import Affine, Network, ReLU
from certify.outcome import Falsified, Outcome, Trust, Unknown, Verified
from certify.query import Queries

_DEPTH = 1e-5
"""How far below 0 a margin is to be. Marabou stops at the first point that it finds, up to its tolerance, and a point
at 0 would rarely survive the exact evaluation."""


_PATIENCE = 2
"""Seconds on the clock, the only one that Marabou knows, for a second of the deadline: the machine may be busy."""


class Marabou:
    """Decides linf questions about a dense chain, with one query for each margin that CROWN leaves open.

    Raises:
        InvalidInput: maraboupy is not installed.
    """

    def __init__(self, network: Network) -> None:
        self._core, self._network = _load(), network
        self._bounder = CrownBounder(network, dtype=torch.float64, rounded=True)
        self._starts = np.cumsum([0, *network.widths])

    def decide(self, queries: Queries, deadline: Deadline) -> list[Outcome]:
        """An answer to each question; a counterexample counts after an exact evaluation."""
        return [self._one(queries.take(np.array([i])), deadline) for i in range(len(queries))]

    def _one(self, asked: Queries, deadline: Deadline) -> Outcome:
        enclosure, form = self._bounder.relax(asked, deadline)
        lower = form.lower(enclosure.ball)[0].numpy()
        late = ""
        for j in lower.argsort()[: int((~(lower > 0)).sum())].tolist():
            if deadline.passed:
                return Unknown("the time limit")
            options = self._core.Options()
            options._verbosity, options._numWorkers = 0, 1
            options._timeoutInSeconds = math.ceil(_PATIENCE * deadline.remaining)
            status, values, _ = self._core.solve(self._query(asked, enclosure, j), options, "")
            if status == "sat":
                point = np.array([values[i] for i in range(self._network.input_width)])
                (witness,) = confirm(asked, np.clip(point, *_box(enclosure))[None])
                if witness is not None:
                    return Falsified(witness)
            if status != "unsat":
                late = late or f"Marabou says {status}"
        return Unknown(late) if late else Verified(Trust.FLOAT)

    def _query(self, asked: Queries, enclosure: Enclosure, j: int) -> Any:
        """Is there a point of the box where margin j is at most ``-_DEPTH``?"""
        core, starts = self._core, self._starts
        query = core.InputQuery()
        query.setNumberOfVariables(int(starts[-1]))
        for k, (low, high) in enumerate(zip(enclosure.lower, enclosure.upper, strict=True)):
            for i, (least, most) in enumerate(zip(low[0].tolist(), high[0].tolist(), strict=True)):
                query.setLowerBound(int(starts[k]) + i, least)
                query.setUpperBound(int(starts[k]) + i, most)
        for i, node in enumerate(self._network.nodes):
            source, target = int(starts[node.inputs[0]]), int(starts[i + 1])
            match node.op:
                case ReLU(width):
                    for u in range(width):
                        core.addReluConstraint(query, source + u, target + u)
                case Affine(weight, bias):
                    for u, (row, shift) in enumerate(zip(np.asarray(weight), bias.tolist(), strict=True)):
                        terms = [(float(a), source + v) for v, a in enumerate(row)]
                        self._require(query, [*terms, (-1.0, target + u)], -shift, core.Equation.EquationType.EQ)
                case _:
                    raise InvalidInput("Marabou is given dense chains only.")
        outputs = [(float(a), int(starts[-2]) + v) for v, a in enumerate(asked.rows[0, j]) if a]
        self._require(query, outputs, -float(asked.offsets[0, j]) - _DEPTH, core.Equation.EquationType.LE)
        return query

    def _require(self, query: Any, terms: list[tuple[float, int]], scalar: float, kind: Any) -> None:
        equation = self._core.Equation(kind)
        for a, v in terms:
            equation.addAddend(a, v)
        equation.setScalar(scalar)
        query.addEquation(equation)


def _box(enclosure: Enclosure) -> Iterator[np.ndarray]:
    return (ends[0][0].numpy() for ends in (enclosure.lower, enclosure.upper))


def _load() -> Any:
    """The package's core.

    Raises:
        InvalidInput: it is not installed, or it does not load.
    """
    try:
        from maraboupy import MarabouCore  # pyright: ignore  # it has no types, and is not installed everywhere

        return MarabouCore
    except ImportError as problem:
        raise InvalidInput(f"maraboupy does not load ({problem}); pip install 'relucert[benchmarks]'") from problem
