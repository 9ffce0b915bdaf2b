"""The files beside a run's records, each replaced whole or not at all."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from certify.io import files
from certify.record import Record
from certify.report.figure import draw_curve
from certify.report.summary import Heading, markdown_summary
from certify.report.tables import radii_table, witness_archive
from certify.report.totals import Totals

FILES = {
    "records.jsonl": "one row per input as soon as it was finished: the primary record, which --resume continues",
    "radii.tsv": "a table: Cohen's six columns first, then the upper side, status, method, norm, units, trust",
    "witnesses.npz": "every counterexample: indices, points, distances",
    "curve.svg": "certified and attacked accuracy against the radius",
    "curve.pdf": "the same figure, for a paper",
    "run.json": "versions, digests, command, seed, units",
}


def write_report(folder: Path, heading: Heading, rows: Sequence[Record]) -> None:
    """Writes ``radii.tsv``, ``witnesses.npz``, ``curve.svg``, ``curve.pdf`` and ``summary.md`` from at least one row.

    Raises:
        InvalidInput: a file cannot be written; ``records.jsonl`` keeps every row.
    """
    totals = Totals.of(rows)
    files.write(folder / "radii.tsv", radii_table(rows).encode())
    files.write(folder / "witnesses.npz", witness_archive(rows))
    for kind in ("svg", "pdf"):
        files.write(folder / f"curve.{kind}", draw_curve(totals.curve, heading.norm, title=heading.title, kind=kind))
    files.write(folder / "summary.md", markdown_summary(heading, totals, FILES).encode())


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes ``content`` as readable JSON.

    Raises:
        InvalidInput: the file cannot be written.
    """
    files.write(path, (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())
