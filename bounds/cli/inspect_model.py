"""What a saved network counts, asked of ``python -m certify inspect --json``: this package does not read models
itself.
"""

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from bounds.audit import ModelCounts
from bounds.errors import ModelNotRead


def read_counts(model: str) -> ModelCounts:
    """The counts of a saved network. Raises ModelNotRead, with what ``certify`` said."""
    command = [sys.executable, "-m", "certify", "inspect", model, "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0 and not answer.stdout.startswith("{"):
        said = answer.stderr.strip().removeprefix("error: ") or answer.stdout.strip() or "no message"
        raise ModelNotRead(f"certify could not inspect {model!r}: {said}")
    try:
        return counts_of(json.loads(answer.stdout))
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise ModelNotRead(
            f"certify's description of {model!r} has another form than expected ({problem!r})."
        ) from None


def counts_of(description: Mapping[str, Any]) -> ModelCounts:
    """The counts in a description; widths only when they describe a plain chain with these counts."""
    if description.get("refused"):
        raise ModelNotRead(
            f"The model has parts outside the closed op set and cannot be audited: {' '.join(description['refused'])}"
        )
    counts = {key: int(description["counts"][key]) for key in ("nnz", "dense", "units", "depth")}
    inputs = math.prod(int(size) for size in description["input_shape"])
    widths = tuple(int(width) for width in description.get("widths", ()))
    return ModelCounts(inputs=inputs, **counts, widths=_chain(widths, inputs, counts["dense"]))


def _chain(widths: tuple[int, ...], inputs: int, dense: int) -> tuple[int, ...]:
    """The widths, input first, when a fully connected chain with these widths has this many parameters; else
    nothing.
    """
    chain = widths if widths[:1] == (inputs,) else (inputs, *widths)
    parameters = sum(after * (before + 1) for before, after in pairwise(chain))
    return chain if len(chain) >= 2 and parameters == dense else ()
