"""Exact radii as the number of clusters k and the dimension d grow: slopes on a log-log plot, predicted and measured.

Constructed networks are measured at their centres, by rigorous enclosures; trained ones at test points, by the exact
solver, and the maximum read-out by its nearest half-spaces.
"""

import dataclasses as dc
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import certifiers, figures, tables
from benchmarks.cluster_nets import MAX, SUM, TWO, ClusterNets, labelled, predicted, scaled
from certify.device import find_device
from certify.errors import SelfCheckFailed
from certify.network import Network
from certify.radius import Settings
from constructions.distributions import Clusters
from constructions.features import f_robust, feature_averaged, feature_decoupled
from constructions.features.centres import CentreRadii, max_centre_radii, sum_centre_radii
from constructions.readouts import Readout, read_out
from constructions.theorem import Undecided
from constructions.training import Preset, find_preset

BETA = 0.25
ROBUST, AVERAGED, DECOUPLED_SUM, DECOUPLED_MAX = "f_robust, β = 1/4", "averaged", "decoupled, sum", "decoupled, max"
ENTRIES = {
    ROBUST: "f-robust.radius",
    AVERAGED: "averaged.bias-free.radius",
    DECOUPLED_SUM: "decoupled.sum.radius",
    DECOUPLED_MAX: "decoupled.max.radius",
    TWO: "averaged.bias-free.radius",
    SUM: "decoupled.sum.radius",
    MAX: "decoupled.max.radius",
}
"""The entry of the catalogue that predicts a net's radius at the centres; trained nets come near it."""

_COLOURS = {
    "f-robust.radius": figures.PURPLE,
    "averaged.bias-free.radius": figures.BLUE,
    "decoupled.sum.radius": figures.ORANGE,
    "decoupled.max.radius": figures.GREEN,
}


@dc.dataclass(frozen=True, slots=True)
class Plan:
    """The k to go through at one d, the d at one k, and the test points of a trained net.

    A net is trained on ``samples`` points a cluster in ``steps`` steps, or in ten for each cluster.
    """

    ks: tuple[int, ...]
    at_d: int
    ds: tuple[int, ...]
    at_k: int
    points: int
    samples: int = 50
    steps: int | None = None


PLANS = {
    "small": Plan((4, 8, 16), 256, (64, 128, 256), 4, 8),
    "full": Plan((4, 8, 16, 32), 2048, (256, 512, 1024, 2048, 4096), 8, 20),
    "large": Plan((4, 8, 16, 32, 64, 128), 16384, (1024, 4096, 16384), 8, 20, samples=100, steps=10_000),
}
"""``large`` is made for a GPU, and runs on one if there is one."""


@dc.dataclass(frozen=True, slots=True)
class Row:
    """The mean radius of one net at one size, its least and largest, and what is predicted at a centre."""

    over: str
    k: int
    d: int
    net: str
    mean: float
    least: float
    largest: float
    predicted: float

    @property
    def size(self) -> int:
        """What grows."""
        return self.k if self.over == "k" else self.d


@dc.dataclass(frozen=True, slots=True)
class Slope:
    """The slope of log radius against log size of one net: of what is predicted, and of what was measured."""

    over: str
    net: str
    predicted: float
    measured: float


def run(out: Path, *, data: str | None, size: str) -> None:
    """Writes ``radius-scaling`` (figure and radii) and ``radius-scaling-slopes``; needs no data."""
    del data
    report(out, PLANS[size])


def report(out: Path, plan: Plan) -> tuple[list[Row], list[Slope]]:
    """Measures every size; writes and returns radii and slopes."""
    rows: list[Row] = []
    for over, k, d in [("k", k, plan.at_d) for k in plan.ks] + [("d", plan.at_k, d) for d in plan.ds]:
        rows += _measured(over, k, d, plan)
        _write(out, rows)  # after every size: the last ones take long
        print(f"k = {k}, d = {d} (over {over})", flush=True)
    slopes = list(_slopes(rows))
    lines = [(s.over, s.net, f"{s.predicted:.3f}", f"{s.measured:.3f}") for s in slopes]
    print(tables.write(out, "radius-scaling-slopes", ("over", "net", "predicted slope", "measured slope"), lines))
    _draw(out, rows)
    return rows, slopes


def _write(out: Path, rows: list[Row]) -> None:
    header = ("over", "k", "d", "net", "mean radius", "least", "largest", "predicted at a centre", "entry")
    shown = [
        (r.over, r.k, r.d, r.net, *(f"{v:.4f}" for v in (r.mean, r.least, r.largest, r.predicted)), ENTRIES[r.net])
        for r in rows
    ]
    tables.write(out, "radius-scaling", header, shown)


def _measured(over: str, k: int, d: int, plan: Plan) -> Iterator[Row]:
    for net, radius in (*_constructed(k, d), *_trained(k, d, plan)):
        yield Row(over, k, d, net, float(radius.mean()), float(radius.min()), float(radius.max()), _theory(net, k, d))


def _constructed(k: int, d: int) -> Iterator[tuple[str, np.ndarray]]:
    clusters = Clusters.orthogonal(k, d, seed=0)
    decoupled = feature_decoupled(clusters)
    made: tuple[tuple[str, Network, Callable[[Network, Clusters], CentreRadii | Undecided]], ...] = (
        (ROBUST, f_robust(clusters, BETA), sum_centre_radii),
        (AVERAGED, feature_averaged(clusters), sum_centre_radii),
        (DECOUPLED_SUM, read_out(decoupled, clusters.positive, Readout.SUM), sum_centre_radii),
        (DECOUPLED_MAX, read_out(decoupled, clusters.positive, Readout.MAX), max_centre_radii),
    )
    for name, network, measure in made:
        match measure(network, clusters):
            case CentreRadii(lower=lower):
                yield name, lower
            case Undecided() as reason:
                raise SelfCheckFailed(f"{name}: the radii at the centres are not enclosed: {reason}")


def _trained(k: int, d: int, plan: Plan) -> Iterator[tuple[str, np.ndarray]]:
    device = str(find_device("auto"))
    nets = ClusterNets.trained(setting(k, d, samples=plan.samples, steps=plan.steps), test=plan.points, device=device)
    data = labelled(nets.test)
    for name, network in nets.networks().items():
        if name == MAX:
            yield name, certifiers.maximum_radii(nets.k_class.network, nets.clusters.positive, network, data).lower
        else:
            yield name, certifiers.certified(network, data, Settings(method="exact", device=device)).lower


def setting(k: int, d: int, *, samples: int = 50, steps: int | None = None) -> Preset:
    """The paper's experiment in another size: eta d stays 3.07, and steps grow with k so that lambda stays."""
    return scaled(find_preset("fast"), d=d, k=k, steps=steps or 10 * k, m=5, samples=samples * k)


def _theory(net: str, k: int, d: int) -> float:
    match ENTRIES[net]:
        case "f-robust.radius":
            return predicted("f-robust.radius", d=d, beta="1/4", K_minus=k // 2)
        case "averaged.bias-free.radius":
            return predicted("averaged.bias-free.radius", d=d, k=k)
        case "decoupled.sum.radius":
            return predicted("decoupled.sum.radius", d=d, K_minus=k // 2)
        case entry:
            return predicted(entry, d=d)


def _slopes(rows: list[Row]) -> Iterator[Slope]:
    for over in ("k", "d"):
        for net in ENTRIES:
            part = [row for row in rows if (row.over, row.net) == (over, net)]
            size = [math.log(row.size) for row in part]
            theory, measured = (_slope(size, [getattr(row, side) for row in part]) for side in ("predicted", "mean"))
            yield Slope(over, net, theory, measured)


def _slope(size: list[float], radius: list[float]) -> float:
    return float(np.polyfit(size, np.log(radius), 1)[0])


def _draw(out: Path, rows: list[Row]) -> None:
    with figures.figure(out, "radius-scaling", size=(7.2, 3.7)) as drawn:
        panels = drawn.subplots(1, 2)
        for axes, over in zip(panels, ("k", "d"), strict=True):
            part = [row for row in rows if row.over == over]
            for net, entry in ENTRIES.items():
                chosen = [row for row in part if row.net == net]
                trained = net in (TWO, SUM, MAX)
                x, y = [row.size for row in chosen], [row.mean for row in chosen]
                style: Any = {"color": _COLOURS[entry], "markersize": 5 if trained else 4}
                shape: Any = {
                    "marker": "o" if trained else "+" if net == ROBUST else "x",
                    "linestyle": "",
                    "mfc": "none",
                }
                axes.plot(x, y, label=net if trained else f"{net} (centres)", **style, **shape)
            x = sorted({row.size for row in part})
            for net, line in ((AVERAGED, "-"), (DECOUPLED_SUM, "-"), (DECOUPLED_MAX, "-")):
                theory = {row.size: row.predicted for row in part if row.net == net}
                label = {
                    AVERAGED: "$\\sqrt{d/k}$",
                    DECOUPLED_SUM: "$\\sqrt{d/(1+k/2)}$",
                    DECOUPLED_MAX: "$\\sqrt{d/2}$",
                }
                colour = _COLOURS[ENTRIES[net]]
                axes.plot(x, [theory[size] for size in x], line, color=colour, linewidth=0.9, label=label[net])
            axes.set(xscale="log", yscale="log", xlabel=_axis(over, part[0]))
            axes.set_xticks(x, [str(size) for size in x], minor=False)
            axes.minorticks_off()
            marks = [2.0**i for i in range(1, 8) if 2.0**i <= 1.1 * max(row.mean for row in part)]
            axes.set_yticks(marks, [f"{mark:g}" for mark in marks], minor=False)
            axes.set_ylim(0.85 * min(row.mean for row in part), 1.15 * max(row.mean for row in part))
        panels[0].set_ylabel("l2 radius")
        drawn.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)


def _axis(over: str, row: Row) -> str:
    return f"clusters k (d = {row.d})" if over == "k" else f"dimension d (k = {row.k})"
