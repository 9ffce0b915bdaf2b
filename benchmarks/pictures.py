"""The pictures of the docs: what constructed networks compute in the plane, drawn from the networks themselves."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64
from matplotlib.collections import PatchCollection
from matplotlib.colors import ListedColormap
from matplotlib.patches import Circle, Rectangle

from benchmarks import figures
from certify.network import Network
from certify.region import Norm
from constructions import memorizer
from constructions.generalisation.cover import Cover
from constructions.generalisation.kuhn import Kuhn
from constructions.generalisation.margin_function import MarginFunction
from constructions.hard import HardSet, HardSetLinear, HardSetSolver
from constructions.manifold.cover_bumps import ManifoldCover
from constructions.separation import measure
from constructions.theorem import Labelled

_PIXELS = 401
_SIDES = ListedColormap(["#f3d3c4", "#c9dced"])
_MARKS = {0: ("o", figures.ORANGE), 1: ("s", figures.BLUE)}


def run(out: Path, *, data: str | None, size: str) -> None:
    """Draws every picture into ``out`` as SVG and PDF; they need no data and come in one size."""
    del data, size
    for draw in (_memorizers_linf, _memorizers_l2, _generalisation, _hard_set, _manifold):
        print(draw(out), flush=True)


def scattered() -> Labelled:
    """Fourteen points of two classes in the unit square, on the grid of sixteenths."""
    places = (
        [(2, 3), (5, 12), (13, 13), (8, 7), (14, 4), (3, 8), (11, 10)],
        [(6, 3), (2, 13), (9, 13), (13, 8), (5, 7), (10, 3), (8, 10)],
    )
    points = np.array(places[0] + places[1], dtype=np.float64) / 16
    return Labelled.of(points, np.repeat([1, 0], 7))


def _memorizers_linf(out: Path) -> str:
    data = scattered()
    delta = _part(data, Norm.LINF, 0.8)
    nets = {
        "hinge bumps": memorizer.hinge_bumps(data.points, data.labels, delta=delta).network,
        "hinge bumps around both classes": memorizer.hinge_bumps(
            data.points, data.labels, delta=delta, two_sided=True
        ).network,
        "trapezoids": memorizer.trapezoids(data.points, data.labels, delta=delta).network,
    }
    return _regions(out, "memorizers-linf", nets, data, (delta, Norm.LINF))


def _memorizers_l2(out: Path) -> str:
    data = scattered()
    delta = _part(data, Norm.L2, 0.8)
    nets = {
        "Voronoi": memorizer.voronoi(data.points, data.labels, delta=delta).network,
        "paraboloid": memorizer.paraboloid(data.points, data.labels, delta=delta).network,
        "squares per sample": memorizer.squares_per_sample(data.points, data.labels, delta=delta).network,
    }
    return _regions(out, "memorizers-l2", nets, data, (delta, Norm.L2))


def _generalisation(out: Path) -> str:
    """The margin function, its interpolant, and the cover-based classifier of the same two classes."""
    data = scattered()
    margin = MarginFunction(data.points[data.labels == 1], data.points[data.labels == 0], Norm.LINF)
    kuhn = Kuhn(c=Fraction(1, 2)).construct(data)
    cover = Cover(c=Fraction(1, 2)).construct(data)
    x, y, grid = _grid(-0.1, 1.1)
    fields = {
        "margin function f*": margin.evaluate(grid),
        f"Kuhn interpolant, {kuhn.network.count().nnz:,} numbers": kuhn.network.evaluate(grid)[:, 0],
        f"cover by bumps, {cover.network.count().nnz:,} numbers": cover.network.evaluate(grid)[:, 0],
    }
    with figures.figure(out, "robust-generalisation", size=(7.4, 2.9)) as drawn:
        axes = drawn.subplots(1, 3)
        image: Any = None
        for place, (title, values) in zip(axes, fields.items(), strict=True):
            image = place.pcolormesh(
                x, y, np.clip(values, -1, 1).reshape(len(y), len(x)), cmap="RdBu", vmin=-1.5, vmax=1.5, rasterized=True
            )
            place.contour(x, y, values.reshape(len(y), len(x)), levels=[0.0], colors="k", linewidths=0.8)
            _balls(place, data, Fraction(measure(data.points, data.labels, Norm.LINF).epsilon) / 2, Norm.LINF)
            _frame(place, title)
        drawn.colorbar(image, ax=axes, shrink=0.8, label="output, cut to [-1, 1]")
    return "robust-generalisation"


def _hard_set(out: Path) -> str:
    """The hard set in the plane, the linear classifier that is clean and never robust, and the robust solver."""
    letters: dict[str, Any] = {
        "d": 2,
        "eps": Fraction(1, 14),
        "c": Fraction(1, 2),
        "offset": Fraction(1, 64),
        "seed": 3,
    }
    hard = HardSet(2, letters["eps"], letters["c"], letters["offset"], letters["seed"])
    data = Labelled.of(hard.points(), hard.labels())
    nets = {
        "linear, 2 numbers: clean, never robust": HardSetLinear(**letters).construct().network,
        "steps and a table: robust": HardSetSolver(table="direct", **letters).construct().network,
    }
    return _regions(out, "hard-set-plane", nets, data, (letters["c"] * letters["eps"], Norm.LINF))


def _manifold(out: Path) -> str:
    """Classes on a circle, the network that covers one of them, and how far its boxes reach off the circle."""
    family = ManifoldCover(manifold="torus:k=1,radius=1/2", level="waves:3:2", eps=Fraction(1, 20), c=Fraction(1, 2))
    made = family.construct()
    sample = family.classes.sample(400, 0).data
    x, y, grid = _grid(-0.1, 1.1)
    with figures.figure(out, "manifolds", size=(3.1, 3.2)) as drawn:
        axes = drawn.subplots()
        values = made.network.evaluate(grid)[:, 0].reshape(len(y), len(x))
        axes.pcolormesh(x, y, values > 0, cmap=_SIDES, vmin=0, vmax=1, rasterized=True)
        for label, (mark, colour) in _MARKS.items():
            axes.plot(*sample.points[sample.labels == label].T, mark, color=colour, markersize=1.5)
        _frame(axes, f"cover of a class on a circle, {made.network.count().nnz:,} numbers")
    return "manifolds"


def _part(data: Labelled, norm: Norm, share: float) -> Fraction:
    """A radius below epsilon, as a multiple of 1/1024."""
    return Fraction(int(measure(data.points, data.labels, norm).epsilon * share * 1024), 1024)


def _regions(out: Path, stem: str, nets: dict[str, Network], data: Labelled, attack: tuple[Fraction, Norm]) -> str:
    """Decision regions side by side, with the ball around each point."""
    x, y, grid = _grid(-0.1, 1.1)
    with figures.figure(out, stem, size=(2.5 * len(nets), 2.9)) as drawn:
        for axes, (title, network) in zip(np.atleast_1d(drawn.subplots(1, len(nets))), nets.items(), strict=True):
            values = network.evaluate(grid)[:, 0].reshape(len(y), len(x))
            axes.pcolormesh(x, y, values > 0, cmap=_SIDES, vmin=0, vmax=1, rasterized=True)
            _balls(axes, data, *attack)
            _frame(axes, title)
    return stem


def _grid(low: float, high: float) -> tuple[np.ndarray, np.ndarray, Float64[np.ndarray, "b 2"]]:
    line = np.linspace(low, high, _PIXELS)
    first, second = np.meshgrid(line, line)
    return line, line, np.stack([first.ravel(), second.ravel()], axis=1)


def _balls(axes: Any, data: Labelled, radius: Fraction, norm: Norm) -> None:
    for label, (mark, colour) in _MARKS.items():
        chosen = data.points[data.labels == label]
        r = float(radius)
        shapes = [Rectangle(p - r, 2 * r, 2 * r) if norm is Norm.LINF else Circle(tuple(p), r) for p in chosen]
        axes.add_collection(PatchCollection(shapes, facecolor="none", edgecolor=colour, linewidth=0.9))
        axes.plot(*chosen.T, mark, color=colour, markersize=3)


def _frame(axes: Any, title: str) -> None:
    axes.set(xlim=(-0.1, 1.1), ylim=(-0.1, 1.1), aspect="equal", xticks=(0, 1), yticks=(0, 1))
    axes.set_title(title, fontsize=8)
    axes.grid(visible=False)
