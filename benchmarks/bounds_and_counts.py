"""Upper and lower bounds on sizes against the dimension, with the counts of networks that were built as points."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

import bounds
from benchmarks import figures, tables
from bounds.errors import BoundsError
from bounds.values import OrderOnly
from constructions import memorizer
from constructions.hard import HardSet, HardSetSolver
from constructions.lookup.tables import best_word
from constructions.theorem import Labelled

_SAMPLES = 64
_EPS = Fraction(1, 2**10)
_DELTA = _EPS * (1 - Fraction(1, 2**12))
"""So near eps that the lower bounds apply in every dimension drawn; sizes do not depend on either."""
_HARD_EPS = Fraction(1, 6)

Curve = tuple[str, str, dict[str, object]]


def run(out: Path, *, data: str | None, size: str) -> None:
    """Writes ``bounds-and-counts`` as SVG, PDF, CSV and Markdown; it needs no data."""
    del data
    memory = (2, 4, 8, 16, 32, 64) if size == "small" else (2, 4, 8, 16, 32, 64, 128, 256, 512)
    hard = (2, 3, 4, 5) if size == "small" else (2, 3, 4, 5, 6, 7)
    left, right = _memorised(memory), _separated(hard)
    rows = [("memorisation", *row) for row in left] + [("hard set", *row) for row in right]
    print(tables.write(out, "bounds-and-counts", ("task", "network", "d", "non-zero parameters"), rows))
    with figures.figure(out, "bounds-and-counts", size=(7.2, 3.1)) as drawn:
        one, two = drawn.subplots(1, 2)
        _panel(one, _MEMORY, left, np.unique(np.geomspace(2, 600, 40).astype(int)).tolist())
        one.set(title=f"memorising N = {_SAMPLES} samples, any delta < eps", xscale="log")
        _panel(two, _HARD, right, list(range(2, 13)))
        two.set(title=f"the hard set, eps = {_HARD_EPS}, delta = eps/2")


_LETTERS: dict[str, object] = {"N": _SAMPLES, "n": _SAMPLES // 2, "eps": _EPS, "delta": _DELTA}
_MEMORY: tuple[Curve, ...] = (
    ("hinge bumps (linf)", "robust-memorizer.hinge-bumps.nnz", _LETTERS),
    ("Voronoi (l2)", "robust-memorizer.voronoi.nnz-two-classes", _LETTERS),
    ("distance bumps (l1)", "robust-memorizer.distance-bumps.nnz", _LETTERS),
    ("lower bound, l2", "robust-training.l2.lower", _LETTERS),
    ("lower bound, linf", "robust-training.inf.lower", _LETTERS),
)
_HARD: tuple[Curve, ...] = (
    ("solver, direct table", "hard-set.solver.direct.nnz", {"eps": _HARD_EPS, "c": "1/2"}),
    ("solver, packed table", "hard-set.solver.packed.nnz", {"eps": _HARD_EPS, "c": "1/2"}),
    ("lower bound", "hard-set.lower", {"eps": _HARD_EPS, "alpha": "1/10"}),
)


def _memorised(dimensions: Sequence[int]) -> list[tuple[str, int, int]]:
    """(network, d, count) of memorizers of random points."""
    rows: list[tuple[str, int, int]] = []
    makers = (memorizer.hinge_bumps, memorizer.voronoi, memorizer.distance_bumps)
    for d in dimensions:
        points = np.rint(np.random.default_rng(d).uniform(0.05, 0.95, (_SAMPLES, d)) * 2**16) / 2**16
        data = Labelled.of(points, np.arange(_SAMPLES) % 2)
        for (name, _, _), make in zip(_MEMORY, makers, strict=False):
            rows.append((name, d, make(data.points, data.labels, delta=Fraction(1, 2**16)).network.count().nnz))
    return rows


def _separated(dimensions: Sequence[int]) -> list[tuple[str, int, int]]:
    """(network, d, count) of solvers of hard sets."""
    rows: list[tuple[str, int, int]] = []
    for d in dimensions:
        for (name, _, _), table in zip(_HARD, ("direct", "packed"), strict=False):
            solver = HardSetSolver(d=d, eps=_HARD_EPS, table=table, seed=3)
            rows.append((name, d, solver.build(None).count().nnz))
    return rows


def _panel(axes: Any, curves: Sequence[Curve], rows: Sequence[tuple[str, int, int]], dimensions: list[int]) -> None:
    for (name, entry, letters), colour in zip(curves, figures.COLOURS, strict=False):
        side = bounds.catalogue[entry].side.value
        heights = [_value(entry, letters, d) for d in dimensions]
        axes.plot(dimensions, heights, "--" if side == "lower" else "-", color=colour, label=name, linewidth=1.2)
        part = [(d, count) for found, d, count in rows if found == name]
        axes.plot(*zip(*part, strict=True) if part else ((), ()), "o", color=colour, markersize=3.5)
    axes.set(yscale="log", xlabel="dimension d", ylabel="non-zero parameters")
    axes.legend(fontsize=7)


def _value(entry: str, letters: dict[str, object], d: int) -> float:
    """The upper or lower bound at d; NaN outside the hypotheses."""
    found, given = bounds.catalogue[entry], {**letters, "d": d}
    if entry == "hard-set.solver.packed.nnz":
        given["B"] = best_word(HardSet(d, _HARD_EPS).count)
    known = {str(letter) for letter in found.letters}
    try:
        value = found.evaluate(**{name: v for name, v in given.items() if name in known})
    except BoundsError:
        return float("nan")
    assert not isinstance(value, OrderOnly), "an order of growth is no number"
    return float(value.lower if found.side is bounds.Side.LOWER else value.upper)
