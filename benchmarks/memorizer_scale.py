"""Building robust memorizers and proving their claims as N and d grow: seconds, peak memory, parameters.

Each size runs in a process of its own, so that its peak memory is its own. Building is linear in N and in d, as the
O(Nd) of the theory says; the pairwise proof, which measures all distances between the classes, is quadratic in N, done
as matrix products.
"""

import dataclasses as dc
import math
import resource
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import figures, tables
from certify.errors import InvalidInput
from certify.io.datasets import load_points
from certify.region import Norm
from constructions import catalogue
from constructions.separation import measure
from constructions.theorem import Labelled, Proved

FAMILIES = {"hinge-bumps": "inf", "voronoi": "2", "paraboloid": "2"}
SHARE = 0.5
"""The attack radius in units of epsilon."""

_SMALL = {"N": (250, 500, 1000, 2000), "d": (64, 128, 256, 512)}
_FULL = {"N": (1875, 3750, 7500, 15000, 30000, 60000), "d": (98, 196, 392, 784)}
_FIXED = {"small": (1000, 256), "full": (7500, 784)}
"""The N while d grows, and the d while N grows."""


@dc.dataclass(frozen=True, slots=True)
class Row:
    """One construction: its size, what was built and proved, and what that took."""

    family: str
    over: str
    count: int
    width: int
    delta: float
    nnz: int
    build: float
    prove: float
    peak: float

    @classmethod
    def parse(cls, line: str) -> "Row":
        """From the line that a child process prints."""
        words = line.split()
        kinds = [field.type for field in dc.fields(cls)]
        return cls(*(kind(word) for kind, word in zip(kinds, words, strict=True)))  # type: ignore[operator]

    def line(self) -> str:
        """As text, one word a field."""
        return " ".join(str(value) for value in dc.astuple(self))

    def shown(self) -> str:
        """As text for a person."""
        size = f"{self.family:12} N={self.count:6} d={self.width:4} {self.nnz:12,} nnz"
        return f"{size}  build {self.build:7.2f} s  prove {self.prove:7.2f} s  peak {self.peak:7.0f} MB"


def run(out: Path, *, data: str | None, size: str) -> None:
    """Measures every family over N and over d; writes ``memorizer-scale`` as CSV, Markdown, SVG and PDF."""
    fixed_count, fixed_width = _FIXED[size]
    sizes = _SMALL if size == "small" else _FULL
    rows: list[Row] = []
    for family in FAMILIES:
        grown = [("N", n, fixed_width) for n in sizes["N"]] + [("d", fixed_count, d) for d in sizes["d"]]
        for over, count, width in grown:
            row = _measured(family, over, count, width, data)
            rows.append(row)
            print(row.shown(), flush=True)
    header = ("construction", "over", "N", "d", "delta", "nnz", "build s", "prove s", "peak MB")
    shown = [
        (*dc.astuple(r)[:4], f"{r.delta:.6g}", r.nnz, *(f"{t:.2f}" for t in (r.build, r.prove, r.peak))) for r in rows
    ]
    tables.write(out, "memorizer-scale", header, shown)
    _draw(out, rows)


def _measured(family: str, over: str, count: int, width: int, data: str | None) -> Row:
    command = [sys.executable, "-m", "benchmarks.memorizer_scale", family, over, str(count), str(width), data or "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InvalidInput(f"{family} on {count} points of {width} numbers failed: {done.stderr.strip()[-500:]}")
    return Row.parse(done.stdout.splitlines()[-1])


def points(count: int, width: int, data: str | None) -> Labelled:
    """MNIST's first training images, odd against even, cut to their most varied pixels; without it random pixels."""
    if data is None:
        rng = np.random.default_rng(0)
        return Labelled.of(rng.integers(0, 256, (count, width)) / 255, rng.integers(0, 2, count))
    found = load_points(f"mnist-train:{data}@odd", None, index=f"0:{count}")
    chosen = np.sort(np.argsort(-found.points.var(axis=0), kind="stable")[:width])
    kept = found.points[:, chosen]
    _, first = np.unique(kept, axis=0, return_index=True)  # fewer pixels may merge images
    return Labelled.of(kept[np.sort(first)], found.labels[np.sort(first)])


def construct(family: str, over: str, data: Labelled) -> Row:
    """Builds the construction at half its largest radius and proves all its claims.

    Raises:
        InvalidInput: a claim is not proved.
    """
    norm = Norm.parse(FAMILIES[family])
    epsilon = measure(data.points, data.labels, norm, same_class=False).epsilon
    delta = math.floor(SHARE * epsilon * 2**20) / 2**20
    made = catalogue.family(family)(delta=Fraction(delta))  # type: ignore[call-arg]
    begin = time.perf_counter()
    made.build(data)  # measures distances, which are kept
    start = time.perf_counter()
    network = made.build(data)
    built = time.perf_counter()
    for claim in made.claims(network, data):
        found = claim.check()
        if not isinstance(found, Proved):
            raise InvalidInput(f"{family}: the claim {claim.name} is not proved: {found}")
    prove = time.perf_counter() - built + (start - begin) - (built - start)
    count, width = data.points.shape
    return Row(family, over, count, width, delta, network.count().nnz, built - start, max(prove, 0.0), _peak())


def _peak() -> float:
    """Peak memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _draw(out: Path, rows: list[Row]) -> None:
    with figures.figure(out, "memorizer-scale", size=(7.2, 4.8)) as drawn:
        grid = drawn.subplots(2, 2, sharey="row")
        for column, over in enumerate(("N", "d")):
            for family, colour in zip(FAMILIES, figures.COLOURS, strict=False):
                part = [row for row in rows if (row.family, row.over) == (family, over)]
                x = [row.count if over == "N" else row.width for row in part]
                style: Any = {"color": colour, "markersize": 3, "marker": "o"}
                grid[0, column].plot(x, [row.build for row in part], label=f"{family}: build", **style)
                grid[0, column].plot(x, [row.prove for row in part], label=f"{family}: prove", linestyle=":", **style)
                grid[1, column].plot(x, [row.peak for row in part], label=family, **style)
            for axes in grid[:, column]:
                axes.set(xscale="log", yscale="log", xlabel="samples N" if over == "N" else "dimension d")
                shown = sorted({row.count if over == "N" else row.width for row in rows if row.over == over})
                axes.set_xticks(shown, [f"{x:,}" for x in shown], fontsize=7)
                axes.minorticks_off()
        grid[0, 0].set_ylabel("seconds")
        grid[1, 0].set_ylabel("peak memory, MB")
        grid[0, 1].legend(fontsize=6.5, loc="upper left", ncols=2)
        grid[0, 1].set_ylim(top=300)
        grid[1, 0].legend(fontsize=6.5)


if __name__ == "__main__":
    _family, _over, _count, _width, _data = sys.argv[1:]
    print(construct(_family, _over, points(int(_count), int(_width), None if _data == "-" else _data)).line())
