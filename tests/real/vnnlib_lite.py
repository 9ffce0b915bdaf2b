"""Just enough of VNN-LIB 1.0 to read the published robustness instances: one box, and one label in its output part.

Strict: whatever is not expected, is missing, or stands there twice, is an error. Nothing is guessed.
"""

import dataclasses as dc
import gzip
import re
from pathlib import Path

import numpy as np

_NUMBER = r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
_DECLARATION = re.compile(r"\(declare-const ([XY])_(\d+) Real\)")
_BOUND = re.compile(rf"\(assert \((<=|>=) X_(\d+) ({_NUMBER})\)\)")
_OTHERS_WIN = re.compile(r"\(assert \(or((?: ?\(and \(>= Y_\d+ Y_\d+\)\))+) ?\)\)")
_PAIR = re.compile(r"\(>= Y_(\d+) Y_(\d+)\)")


@dc.dataclass(frozen=True, slots=True, eq=False)
class BoxQuery:
    """The box ``lower <= x <= upper`` and how many outputs there are; ``rest`` is the text that speaks of outputs."""

    lower: np.ndarray
    upper: np.ndarray
    outputs: int
    rest: str

    def label(self) -> int:
        """The class that "some other class is at least as large" is said about.

        Raises:
            ValueError: the output part says anything else.
        """
        found = _OTHERS_WIN.fullmatch(self.rest)
        if found is None:
            raise ValueError(f"not a robustness instance: {self.rest[:80]!r}")
        pairs = [(int(a), int(b)) for a, b in _PAIR.findall(found[1])]
        label = pairs[0][1]
        if sorted(pairs) != [(k, label) for k in range(self.outputs) if k != label]:
            raise ValueError(f"the output part does not compare each other class with class {label}: {pairs}")
        return label


def read(path: Path) -> BoxQuery:
    """The query in a ``.vnnlib`` or ``.vnnlib.gz`` file."""
    content = path.read_bytes()
    return parse((gzip.decompress(content) if path.suffix == ".gz" else content).decode("ascii"))


def parse(text: str) -> BoxQuery:
    """The query in a text.

    Raises:
        ValueError: a variable that is not declared or twice, a bound that is missing or twice, an empty box.
    """
    bare = " ".join(" ".join(line.split(";")[0] for line in text.splitlines()).split())
    declared = [(kind, int(k)) for kind, k in _DECLARATION.findall(bare)]
    inputs, outputs = (sorted(k for kind, k in declared if kind == wanted) for wanted in "XY")
    if inputs != list(range(len(inputs))) or outputs != list(range(len(outputs))) or not inputs or not outputs:
        raise ValueError("variables are not declared as X_0, X_1, ... and Y_0, Y_1, ..., each once")
    ends: dict[tuple[str, int], float] = {}
    for side, k, number in _BOUND.findall(bare):
        if (side, int(k)) in ends or int(k) >= len(inputs):
            raise ValueError(f"X_{k} has two bounds {side}, or is not declared")
        ends[side, int(k)] = float(number)
    if len(ends) != 2 * len(inputs):
        raise ValueError(f"{len(inputs)} inputs need {2 * len(inputs)} bounds, found {len(ends)}")
    lower, upper = (np.array([ends[side, k] for k in inputs]) for side in (">=", "<="))
    if not (lower <= upper).all():
        raise ValueError("the box is empty")
    rest = " ".join(_BOUND.sub("", _DECLARATION.sub("", bare)).split())
    return BoxQuery(lower, upper, len(outputs), rest)
