"""Robust accuracy against the attack radius, judged three ways on the same nets (li2025, Figure 3).

Plain PGD, as the paper reports it; the strengthened attack; and the exact radius, or a certified bracket around it. On
clusters of noise in the paper's setting, and on images: parity of digits, first five against last five of CIFAR-10.
"""

import dataclasses as dc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from benchmarks import certifiers, figures, golden, tables
from benchmarks.certifiers import Brackets
from benchmarks.cluster_nets import MAX, SUM, TWO, ClusterNets, labelled, predicted, scaled
from benchmarks.image_nets import ten_class, two_class
from benchmarks.image_tasks import BOX, ImageTask, image_tasks
from certify.network import Network
from certify.radius import Settings
from certify.region import Box
from constructions.readouts import Readout, read_out
from constructions.theorem import Labelled
from constructions.training import Preset, find_preset

PAPER_D = 3072
PAPER_GRID = tuple(float(delta) for delta in range(0, 46, 2))
"""The paper's attack radii at d = 3072; in another dimension they scale with sqrt(d)."""

IMAGE_GRID = {
    "digits": tuple(0.1 * i for i in range(15)),
    "mnist": tuple(0.2 * i for i in range(16)),
    "cifar10": tuple(0.08 * i for i in range(11)),
}
TEN = "trained on 10 classes, max"
_PUBLISHED = {TWO: "synthetic-2", SUM: "synthetic-10", MAX: "synthetic-10"}
_SHORT = {TWO: "2 classes", SUM: "k clusters, sum", MAX: "k clusters, max"}
_THEORY = {TWO: "averaged.bias-free.radius", SUM: "decoupled.sum.radius", MAX: "decoupled.max.radius"}


@dc.dataclass(frozen=True, slots=True)
class Plan:
    """The synthetic setting, how many test points, how wide the image nets are and what they may cost."""

    preset: Preset
    points: int
    train_images: int
    images: int
    hidden: int
    epochs: int
    seconds: float
    """Per image, for its certificate."""


PLANS = {
    "small": Plan(scaled(find_preset("fast"), d=256), 20, 1000, 16, 16, 15, 4.0),
    "full": Plan(find_preset("paper"), 200, 10_000, 60, 64, 20, 5.0),
}


@dc.dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A net, the attack radii, and the share of test points that survive according to each judge.

    ``proved`` is a lower bound of the true share, ``strengthened`` and ``pgd`` are upper bounds, and so is ``broken``,
    which counts all counterexamples known.
    """

    task: str
    net: str
    deltas: tuple[float, ...]
    pgd: Float64[np.ndarray, " r"]
    strengthened: Float64[np.ndarray, " r"]
    brackets: Brackets

    @property
    def proved(self) -> Float64[np.ndarray, " r"]:
        """The share that is proved robust at each attack radius."""
        return self.brackets.accuracy(self.deltas)[0]

    @property
    def broken(self) -> Float64[np.ndarray, " r"]:
        """The share for which no counterexample is known at each attack radius."""
        return self.brackets.accuracy(self.deltas)[1]


def run(out: Path, *, data: str | None, size: str) -> None:
    """Writes ``feature-robustness`` (clusters) and ``feature-robustness-images``: figures, accuracies and radii."""
    report(out, PLANS[size], data)


def report(out: Path, plan: Plan, data: str | None) -> tuple[list[Judged], list[Judged]]:
    """Judges the nets of the plan; writes and returns what was found: on clusters, and on images."""
    tasks = image_tasks(data, train=plan.train_images, test=plan.images)
    clusters = _clusters(plan)
    print(tables.write(out, "feature-robustness-radii", *_radii_table(clusters, plan.preset)), flush=True)
    tables.write(out, "feature-robustness", *_accuracy_table(clusters))
    _draw_clusters(out, clusters)
    images = [judged for task in tasks for judged in _images(task, plan)]
    tables.write(out, "feature-robustness-images", *_accuracy_table(images))
    _draw_images(out, images)
    return clusters, images


def _clusters(plan: Plan) -> list[Judged]:
    nets = ClusterNets.trained(plan.preset, test=plan.points)
    data = labelled(nets.test)
    deltas = tuple(delta * (plan.preset.d / PAPER_D) ** 0.5 for delta in PAPER_GRID)
    judged: list[Judged] = []
    for name, network in nets.networks().items():
        if name == MAX:
            brackets = certifiers.maximum_radii(nets.k_class.network, nets.clusters.positive, network, data)
        else:
            brackets = certifiers.certified(network, data, Settings(method="exact"))
        judged.append(_judge(("clusters", name), network, data, (deltas, None), brackets))
    return judged


def _images(task: ImageTask, plan: Plan) -> list[Judged]:
    data, deltas = task.binary(task.test), IMAGE_GRID[task.name]
    box = Box.uniform(*BOX, task.test.points.shape[1])
    settings = Settings(domain=box, seconds=plan.seconds, max_radius=2 * deltas[-1])
    two, scores = two_class(task, plan.hidden, plan.epochs), ten_class(task, plan.hidden, plan.epochs)
    merged = read_out(scores, task.positive, Readout.MAX)
    above = certifiers.certified_maximum(scores, task.positive, merged, data, seconds=plan.seconds, box=BOX)
    return [
        _judge((task.name, TWO), two, data, (deltas, BOX), certifiers.certified(two, data, settings)),
        _judge((task.name, TEN), merged, data, (deltas, BOX), above),
    ]


def _judge(
    names: tuple[str, str],
    network: Network,
    data: Labelled,
    attack: tuple[tuple[float, ...], tuple[float, float] | None],
    brackets: Brackets,
) -> Judged:
    deltas, box = attack
    pgd = certifiers.pgd_accuracy(network, data, deltas, box=box)
    found = certifiers.attacked(network, data, box=box)
    print(f"{names[0]}, {names[1]}: judged {len(data.points)} points", flush=True)
    return Judged(*names, deltas, pgd, certifiers.surviving(found, deltas), brackets)


def _accuracy_table(judged: Sequence[Judged]) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    header = (
        "task",
        "net",
        "attack radius",
        "paper (PGD) %",
        "PGD-40 %",
        "strengthened attack %",
        "not broken %",
        "proved %",
    )
    rows: list[tuple[object, ...]] = []
    for one in judged:
        shares = (one.pgd, one.strengthened, one.broken, one.proved)
        for i, delta in enumerate(one.deltas):
            shown = _published(one, delta)
            rows.append(
                (
                    one.task,
                    one.net,
                    f"{delta:.4g}",
                    "" if shown is None else f"{shown:g}",
                    *(f"{100 * s[i]:.1f}" for s in shares),
                )
            )
    return header, rows


def _published(one: Judged, delta: float) -> float | None:
    """What the paper reports at this radius, where it is the same task at the same scale."""
    if one.task == "clusters":
        same = one.deltas == PAPER_GRID
        return golden.curve(_PUBLISHED[one.net]).at(delta) if same else None
    if one.task == "digits":
        return None
    return golden.curve(f"{one.task}-{2 if one.net == TWO else 10}").at(round(delta, 6))


def _radii_table(judged: Sequence[Judged], preset: Preset) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    header = ("net", "predicted at a centre", "entry", "exact mean", "least", "largest", "strengthened", "PGD-40")
    rows: list[tuple[object, ...]] = []
    for one in judged:
        entry, lower = _THEORY[one.net], one.brackets.lower
        letters = {"d": preset.d, "k": preset.k, "K_minus": preset.k // 2}
        theory = _evaluated(entry, letters)
        means = (certifiers.mean_radius(one.deltas, share) for share in (one.strengthened, one.pgd))
        measured = (lower.mean(), lower.min(), lower.max(), *means)
        rows.append((one.net, f"{theory:.2f}", entry, *(f"{value:.2f}" for value in measured)))
    return header, rows


def _evaluated(entry: str, letters: dict[str, int]) -> float:
    needed = {"averaged.bias-free.radius": ("d", "k"), "decoupled.sum.radius": ("d", "K_minus")}.get(entry, ("d",))
    return predicted(entry, **{name: letters[name] for name in needed})


def _draw_clusters(out: Path, judged: Sequence[Judged]) -> None:
    with figures.figure(out, "feature-robustness", size=(7.4, 3.2)) as drawn:
        panels = drawn.subplots(1, len(judged), sharey=True)
        for axes, one, colour in zip(panels, judged, figures.COLOURS, strict=False):
            deltas = np.array(one.deltas)
            axes.plot(deltas, 100 * one.pgd, ":", color=figures.GREY, label="plain PGD, 40 steps")
            axes.plot(deltas, 100 * one.proved, color=colour, label=f"exact, {_SHORT[one.net]}")
            axes.plot(deltas, 100 * one.strengthened, "x", color="black", markersize=4, label="strengthened attack")
            if one.deltas == PAPER_GRID:
                shown = golden.curve(_PUBLISHED[one.net])
                axes.plot(shown.x, shown.y, "o", mfc="none", color="black", markersize=3.5, label="paper (plain PGD)")
            axes.set(xlabel="attack radius δ", title=one.net)
        panels[0].set_ylabel("robust accuracy, %")
        _legend(drawn, panels, ncols=3)


def _draw_images(out: Path, judged: Sequence[Judged]) -> None:
    names = list(dict.fromkeys(one.task for one in judged))
    with figures.figure(out, "feature-robustness-images", size=(2.0 + 2.9 * len(names), 3.4)) as drawn:
        panels = drawn.subplots(1, len(names), sharey=True, squeeze=False)[0]
        for axes, name in zip(panels, names, strict=True):
            for one, colour in zip((one for one in judged if one.task == name), figures.COLOURS, strict=False):
                axes.fill_between(one.deltas, 100 * one.proved, 100 * one.broken, color=colour, alpha=0.25, linewidth=0)
                axes.plot(one.deltas, 100 * one.proved, color=colour, label=f"{one.net}: proved")
                axes.plot(one.deltas, 100 * one.pgd, ":", color=colour, label=f"{one.net}: plain PGD")
            axes.set(xlabel="attack radius δ (shaded: between proved and attacked)", title=name)
        panels[0].set_ylabel("robust accuracy, %")
        _legend(drawn, panels, ncols=2)


def _legend(drawn: Any, panels: Any, *, ncols: int) -> None:
    """Below all panels, with every line once."""
    shown = {name: line for axes in panels for line, name in zip(*axes.get_legend_handles_labels(), strict=True)}
    drawn.legend(shown.values(), shown.keys(), loc="outside lower center", ncols=ncols)
