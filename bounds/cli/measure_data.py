"""How many points a data set has and how far apart its classes are, asked of ``python -m constructions separation``:
this package does not read data itself.
"""

import dataclasses as dc
import json
import subprocess
import sys
from fractions import Fraction

from bounds.errors import DataNotRead


@dc.dataclass(frozen=True, slots=True)
class DataFacts:
    """The letters of a data set: samples N, input dimension d, half the distance of its classes, rounded down."""

    samples: int
    inputs: int
    epsilon: Fraction


def read_data(spec: str, norm: str) -> DataFacts:
    """The letters of the data set ``spec``. Raises DataNotRead, with what went wrong."""
    command = [sys.executable, "-m", "constructions", "separation", "--data", spec, "--norm", norm, "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise DataNotRead(f"The classes of {spec!r} could not be measured: {answer.stderr.strip() or 'no message'}")
    try:
        facts = json.loads(answer.stdout)
        return DataFacts(int(facts["points"]), int(facts["width"]), Fraction(facts["epsilon"]))
    except (ValueError, KeyError, TypeError) as problem:
        raise DataNotRead(f"The description of {spec!r} has another form than expected ({problem!r}).") from None
