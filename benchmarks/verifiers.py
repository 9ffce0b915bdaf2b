"""Complete verifiers on the same questions in one run: ours, mixed-integer programs by HiGHS and SCIP, and Marabou.

Questions are linf robustness of digits, all nine targets. Every tool gets the same ones in turn, one at a time, on one
thread; a verdict that contradicts another tool's exactly confirmed counterexample stops the run. Programs and Marabou
start from our CROWN bounds and are asked about the targets that CROWN leaves open only. Times and limits are in CPU
seconds of this process, in which all tools run; an answer that took longer than the limit counts as open.
"""

import dataclasses as dc
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from benchmarks import figures, tables
from benchmarks.digit_questions import PLANS, Row, questions
from benchmarks.marabou import Marabou
from certify.deadline import Deadline
from certify.errors import InvalidInput, SelfCheckFailed
from certify.network import Network
from certify.outcome import Falsified, Outcome, Verified
from certify.query import Queries
from certify.solvers.branch_and_bound.solver import BranchAndBound
from certify.solvers.milp.highs import Highs
from certify.solvers.milp.solver import IntegerSolver
from certify.solvers.scip import Scip

OURS, HIGHS, SCIP, MARABOU = "ours", "HiGHS MILP", "SCIP MILP", "Marabou"


class Tool(Protocol):
    """A verifier of one network."""

    def decide(self, queries: Queries, deadline: Deadline) -> list[Outcome]:
        """An answer to each question."""
        ...


TOOLS: dict[str, Callable[[Network], Tool]] = {
    OURS: BranchAndBound,
    HIGHS: lambda network: IntegerSolver(network, Highs()),
    SCIP: lambda network: IntegerSolver(network, Scip(processor=True)),
    MARABOU: Marabou,
}


@dc.dataclass(frozen=True, slots=True)
class Answer:
    """What a tool said of one image: ``verified``, ``falsified`` or ``open``, and the CPU seconds that it took."""

    tool: str
    sample: int
    verdict: str
    seconds: float


@dc.dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One row: the answers of all tools, and the verdicts and CPU seconds of ours on all images at once."""

    name: str
    answers: tuple[Answer, ...]
    batch: tuple[str, ...]
    batch_seconds: float

    def of(self, tool: str) -> list[Answer]:
        """One tool's answers, in the order of the images; none if it is not installed."""
        return [answer for answer in self.answers if answer.tool == tool]

    @property
    def gain(self) -> float:
        """How many times as many questions a second are decided in a batch as one at a time."""
        return sum(answer.seconds for answer in self.of(OURS)) / self.batch_seconds


def run(
    out: Path, *, data: str | None, size: str, seconds: float | None = None, rows: Sequence[int] | None = None
) -> None:
    """Writes ``verifiers`` (table and figure) and ``verifiers-instances``; it needs no data.

    ``seconds`` is the limit for one image, for every tool; ``rows`` are the numbers of the rows wanted, from 1.

    Raises:
        InvalidInput: there is no row of such a number.
    """
    del data
    plan = PLANS[size]
    limit = plan.seconds if seconds is None else seconds
    measured, page = list[Measured](), ""
    for row in questions(plan, rows):
        measured.append(_measured(row, limit))
        check(measured[-1])
        print(f"{row.name}: {len(row.queries)} images, batch / one at a time {measured[-1].gain:.1f}", flush=True)
        page = _write(out, measured)  # after every row: the last ones take long
    print(page)
    print(f"verified n mean(max) CPU s, falsified n mean(max) s, not decided within {limit:g} s n")


def _write(out: Path, measured: Sequence[Measured]) -> str:
    each = [(m.name, *dc.astuple(answer)) for m in measured for answer in m.answers]
    tables.write(out, "verifiers-instances", ("row", "tool", "sample", "verdict", "CPU seconds"), each)
    _draw(out, measured)
    return tables.write(out, "verifiers", _header(), [_line(m) for m in measured])


def check(measured: Measured) -> None:
    """Compares verdicts image by image, ours in a batch included.

    Raises:
        SelfCheckFailed: an image is verified by one tool, and falsified by another one.
    """
    said = [(answer.sample, answer.tool, answer.verdict) for answer in measured.answers]
    samples = [answer.sample for answer in measured.of(OURS)]
    said += [(s, f"{OURS}, in a batch", v) for s, v in zip(samples, measured.batch, strict=True)]
    for sample in samples:
        verified, falsified = (
            [tool for s, tool, v in said if (s, v) == (sample, verdict)] for verdict in ("verified", "falsified")
        )
        if verified and falsified:
            raise SelfCheckFailed(
                f"{measured.name}, sample {sample}: verified by {', '.join(verified)}; {', '.join(falsified)} found a "
                f"counterexample, which was confirmed exactly. One of them is wrong."
            )


def _measured(row: Row, limit: float) -> Measured:
    answers: list[Answer] = []
    for name, build in TOOLS.items():
        try:
            tool = build(row.queries.network)
        except InvalidInput as problem:
            print(f"{name} is left out: {problem}", flush=True)
            continue
        near = row.queries.take(np.arange(1))
        tool.decide(near.within(near.radii / 16), Deadline.after(limit, time.process_time))  # the first call prepares
        for i, sample in enumerate(row.samples):
            (verdict,), seconds = _timed(tool, row.queries.take(np.array([i])), limit)
            answers.append(Answer(name, sample, verdict if seconds <= limit else "open", seconds))
    batch, together = _timed(BranchAndBound(row.queries.network), row.queries, limit * len(row.queries))
    return Measured(row.name, tuple(answers), tuple(batch), together)


def _timed(tool: Tool, queries: Queries, limit: float) -> tuple[list[str], float]:
    begin = time.process_time()
    found = tool.decide(queries, Deadline.after(limit, time.process_time))
    return [word(outcome) for outcome in found], time.process_time() - begin


def word(outcome: Outcome) -> str:
    """``verified``, ``falsified``, or ``open`` for all else."""
    match outcome:
        case Verified():
            return "verified"
        case Falsified():
            return "falsified"
        case _:
            return "open"


def _header() -> tuple[str, ...]:
    return ("net, eps", *TOOLS, "ours, batch", "batch gain")


def _line(measured: Measured) -> tuple[str, ...]:
    batch = f"{', '.join(_counts(measured.batch))} in {measured.batch_seconds:.2f}"
    return (measured.name, *(_cell(measured.of(tool)) for tool in TOOLS), batch, f"{measured.gain:.1f}")


def _cell(answers: Sequence[Answer]) -> str:
    """``verified n mean(max), falsified n mean(max), open n``."""
    if not answers:
        return "-"
    parts: list[str] = []
    for verdict in ("verified", "falsified"):
        seconds = [answer.seconds for answer in answers if answer.verdict == verdict]
        parts.append(f"{len(seconds)} {np.mean(seconds):.2f}({max(seconds):.2f})" if seconds else "0")
    return ", ".join([*parts, str(sum(answer.verdict == "open" for answer in answers))])


def _counts(verdicts: Sequence[str]) -> list[str]:
    return [str(verdicts.count(verdict)) for verdict in ("verified", "falsified", "open")]


def _draw(out: Path, measured: Sequence[Measured]) -> None:
    """Questions decided within a time, by each tool, over all rows."""
    total = sum(len(m.of(OURS)) for m in measured)
    with figures.figure(out, "verifiers") as drawn:
        axes = drawn.add_subplot()
        for tool, colour in zip(TOOLS, figures.COLOURS, strict=False):
            seconds = sorted(a.seconds for m in measured for a in m.of(tool) if a.verdict != "open")
            if seconds:
                counts = np.arange(1, len(seconds) + 1)
                axes.step([*seconds, 1e9], [*counts, counts[-1]], where="post", label=tool, color=colour)
        longest = max(a.seconds for m in measured for a in m.answers)
        axes.axhline(total, color=figures.GREY, linewidth=0.8, linestyle=":")
        axes.set(xscale="log", xlim=(1e-3, 1.5 * longest), ylim=(0, total * 1.05))
        axes.set(xlabel="CPU seconds for one image", ylabel=f"images decided, of {total}")
        axes.legend(loc="lower right")
