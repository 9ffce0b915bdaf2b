"""The rows of a run as files that other programs read: radii with both sides, and the witnesses."""

import io
from collections.abc import Sequence

import numpy as np

from certify.record import Record
from certify.rounding import print_ceil, print_floor

COLUMNS = (
    *("idx", "label", "predict", "radius", "correct", "time"),
    *("radius_upper", "status", "method", "norm", "eps_units", "trust"),
)


def radii_table(rows: Sequence[Record]) -> str:
    """Tab-separated text, one line per input in order of index.

    The first six columns are those of the randomized-smoothing literature (cohen2019): ``radius`` is the certified one,
    rounded down; ``time`` is in seconds. ``radius_upper`` is rounded up. Radii are in units of the raw ``input``.
    """
    lines = ["\t".join(COLUMNS)]
    for row in sorted(rows, key=lambda row: row.index):
        answer = row.answer
        cohen = (row.index, answer.label, answer.prediction, print_floor(answer.lower), int(row.correct))
        ours = (print_ceil(answer.upper), answer.status.value, answer.method, answer.norm.short, "input", answer.trust)
        lines.append("\t".join(str(value) for value in (*cohen, f"{answer.seconds:.3f}", *ours)))
    return "\n".join(lines) + "\n"


def witness_archive(rows: Sequence[Record]) -> bytes:
    """An ``.npz`` file with ``indices`` (k,), ``points`` (k, n) and ``distances`` (k,) of the inputs with a witness."""
    found = [(row.index, row.answer.witness) for row in sorted(rows, key=lambda row: row.index)]
    witnesses = [(index, witness) for index, witness in found if witness is not None]
    out = io.BytesIO()
    np.savez_compressed(
        out,
        indices=np.array([index for index, _ in witnesses], dtype=np.int64),
        points=np.array([witness.point for _, witness in witnesses], dtype=np.float64).reshape(len(witnesses), -1)
        if witnesses
        else np.zeros((0, 0)),
        distances=np.array([witness.distance for _, witness in witnesses], dtype=np.float64),
    )
    return out.getvalue()
