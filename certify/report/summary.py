"""A run in words and a few numbers: for the terminal, and as ``summary.md``."""

import dataclasses as dc
from collections.abc import Mapping, Sequence

from certify.outcome import Status
from certify.region import Norm
from certify.report.totals import Totals

_MEANING = (
    "The prediction stays right everywhere within the certified radius of an input (lower side; see Radii for what it "
    "rests on), and at the attacked radius a counterexample is known, evaluated in exact arithmetic (upper side). The "
    "true robust radius lies between the two; every accuracy is a fraction of all inputs, wrong, timed-out and failed "
    "ones included."
)


@dc.dataclass(frozen=True, slots=True, eq=False)
class Heading:
    """What a run is about: names of model and data, its norm, how many inputs it has to do, and its settings as text.

    ``setup`` maps names to values in the order to print; ``notes`` are remarks of the readers.
    """

    model: str
    data: str
    norm: Norm
    total: int
    setup: Mapping[str, str]
    notes: Sequence[str] = ()

    @property
    def title(self) -> str:
        """Model and data in one line."""
        return f"{self.model} on {self.data}"


def terminal_summary(heading: Heading, totals: Totals) -> str:
    """A run's summary as plain lines."""
    curve = totals.curve
    lines = [f"{heading.title}, {heading.norm}: {_progress(heading, totals)}"]
    lines += ["  " + ", ".join(f"{count} {status.value}" for status, count in totals.statuses.items() if count)]
    lines += [f"  {'radius':>10} {'certified':>10} {'attacked':>10}   (accuracy on {curve.count} inputs)"]
    lines += [f"  {radius:>10} {certified:>10} {attacked:>10}" for radius, certified, attacked in totals.accuracies()]
    lines += [f"  {name} radius: certified {low}, attacked {high}" for name, low, high in totals.averages()]
    if totals.unbroken:
        lines += [f"  no counterexample is known for {totals.unbroken} input(s)"]
    lines += [f"  certified radii rest on: {totals.support()}"]
    return "\n".join(lines)


def markdown_summary(heading: Heading, totals: Totals, files: Mapping[str, str]) -> str:
    """A run's summary as Markdown; ``files`` maps the names of the files beside it to what they hold."""
    statuses = [(status.value, str(count), _STATUS[status]) for status, count in totals.statuses.items()]
    parts = [
        f"# {heading.title}, {heading.norm}",
        f"Progress: {_progress(heading, totals)}. {_MEANING}",
        _table(("setting", "value"), list(heading.setup.items())),
        "## Inputs\n\n" + _table(("status", "inputs", "meaning"), statuses),
        "## Accuracy\n\n" + _table(("radius", "certified", "attacked"), totals.accuracies()),
        "![Certified and attacked accuracy against the radius](curve.svg)",
        "## Radii\n\n" + _table(("", "certified (lower)", "attacked (upper)"), totals.averages()),
        f"Means and medians are over all inputs, a wrong or failed one counting 0 below. No counterexample is known "
        f"for {totals.unbroken} input(s). What certified radii above 0 rest on: {totals.support()}. "
        f"Certified numbers are rounded down, attacked ones up. Computing took {totals.seconds:.1f} s.",
        "## Files\n\n" + _table(("file", "content"), [(f"`{name}`", content) for name, content in files.items()]),
    ]
    if heading.notes:
        parts.insert(3, "Notes of the readers:\n\n" + "\n".join(f"- {note}" for note in heading.notes))
    return "\n\n".join(parts) + "\n"


_STATUS = {
    Status.EXACT: "the bracket is closed to the tolerance",
    Status.BRACKETED: "certified up to `lower`, broken at `upper` (inf: not broken)",
    Status.MISCLASSIFIED: "wrong without any perturbation: radius 0",
    Status.TIMEOUT: "the time limit came first; both sides hold",
    Status.ERROR: "failed; `reason` in records.jsonl says why",
}


def _progress(heading: Heading, totals: Totals) -> str:
    done = totals.curve.count
    return f"all {done} inputs done" if done == heading.total else f"INCOMPLETE, {done} of {heading.total} inputs done"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)
