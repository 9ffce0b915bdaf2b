"""Adversarial training on few samples: robust accuracy on the training set against that on unseen points, with proofs.

The training set is separated, so some network is robust on all of it (``robust training`` of li2022) and adversarial
training comes near that; what it learns there holds less and less on the test set. Accuracies under PGD are upper
bounds; those that the exact solver certifies are lower bounds, so the gap is not an artefact of a weak attack.
"""

import dataclasses as dc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import certifiers, figures, tables
from benchmarks.image_tasks import BOX, image_tasks
from certify.network import Network
from certify.radius import Settings
from certify.region import Norm
from constructions.separation import measure
from constructions.theorem import Labelled
from constructions.training import Accuracy, Epoch, MlpSettings, Pgd, Watch, train_mlp

RADII = {"digits": 0.5, "mnist": 1.5, "cifar10": 0.5}
"""The l2 radius of training and of every robust accuracy."""

HEADER = (
    "data",
    "epoch",
    "attack radius",
    "train clean %",
    "train robust %, PGD",
    "on a part: PGD",
    "the same part: proved",
    "test clean %",
    "test robust %, PGD",
    "on a part: PGD",
    "the same part: proved",
    "possible on train",
)


@dc.dataclass(frozen=True, slots=True)
class Plan:
    """Training samples, test points, neurons, epochs; after how many of these nets are certified, on how many points.

    Accuracies are measured after every ``every`` epochs, at the stops among them.
    """

    train: int
    test: int
    hidden: int
    epochs: int
    every: int
    stops: tuple[int, ...]
    certified: int
    seconds: float


PLANS = {
    "small": Plan(100, 200, 24, 60, 5, (5, 60), 15, 3.0),
    "full": Plan(300, 1000, 64, 400, 10, (10, 50, 400), 40, 6.0),
}


@dc.dataclass(frozen=True, slots=True, eq=False)
class Proved:
    """After ``epoch`` epochs, on a part of either set: the shares that PGD leaves, and that are proved robust."""

    epoch: int
    train: tuple[float, float]
    test: tuple[float, float]


@dc.dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One data set: its attack radius, the robust share that is possible on the training set, what was measured."""

    name: str
    radius: float
    possible: float
    epochs: tuple[Epoch, ...]
    proved: tuple[Proved, ...]

    def rows(self) -> list[tuple[object, ...]]:
        """The certified epochs, in the order of the header."""
        at = {epoch.epoch: epoch for epoch in self.epochs}
        return [
            (
                *(self.name, found.epoch, f"{self.radius:g}"),
                *_percent(at[found.epoch].train.clean, at[found.epoch].train.robust, *found.train),
                *_percent(at[found.epoch].test.clean, at[found.epoch].test.robust, *found.test),
                *_percent(self.possible),
            )
            for found in self.proved
        ]


def run(out: Path, *, data: str | None, size: str) -> None:
    """Writes ``robust-overfitting`` as figure and table."""
    report(out, PLANS[size], data)


def report(out: Path, plan: Plan, data: str | None) -> list[Curve]:
    """Trains on each data set, certifies on the way; writes and returns the curves."""
    curves: list[Curve] = []
    for task in image_tasks(data, train=plan.train, test=plan.test):
        train, test = task.binary(task.train), task.binary(task.test)
        curves.append(_curve(task.name, train, test, plan))
        print(f"{task.name}: {plan.epochs} epochs on {plan.train} samples", flush=True)
    print(tables.write(out, "robust-overfitting", HEADER, [row for curve in curves for row in curve.rows()]))
    _draw(out, curves)
    return curves


def _curve(name: str, train: Labelled, test: Labelled, plan: Plan) -> Curve:
    radius = RADII[name]
    attack = Pgd(Norm.L2, radius, steps=10, box=BOX)
    watch = Watch(Pgd(Norm.L2, radius, steps=20, box=BOX), every=plan.every)
    whole = MlpSettings((plan.hidden,), plan.epochs, attack=attack)
    epochs = train_mlp(whole, train, test, watch=watch).epochs
    quiet = Watch(watch.attack, every=plan.epochs)
    proved: list[Proved] = []
    for stop in plan.stops:  # the beginning of the same run
        network = train_mlp(dc.replace(whole, epochs=stop), train, test, watch=quiet).network
        proved.append(Proved(stop, *(_certified(network, part, radius, plan) for part in (train, test))))
    epsilon = float(measure(train.points, train.labels, Norm.L2, same_class=False).epsilon)
    return Curve(name, radius, 1.0 if radius < epsilon else float("nan"), epochs, tuple(proved))


def _certified(network: Network, data: Labelled, radius: float, plan: Plan) -> tuple[float, float]:
    """Of the first points: the share that PGD leaves, and the share proved robust on the whole ball, box or not."""
    part = Labelled(data.points[: plan.certified], data.labels[: plan.certified])
    found = certifiers.certified(network, part, Settings(method="exact", max_radius=radius, seconds=plan.seconds))
    left = certifiers.pgd_accuracy(network, part, [radius], steps=20, box=BOX)
    return float(left[0]), float((found.lower >= radius).mean())


def _percent(*shares: float) -> tuple[str, ...]:
    return tuple("" if np.isnan(share) else f"{100 * share:.1f}" for share in shares)


def _draw(out: Path, curves: Sequence[Curve]) -> None:
    with figures.figure(out, "robust-overfitting", size=(2.4 + 2.6 * len(curves), 3.5)) as drawn:
        panels = drawn.subplots(1, len(curves), sharey=True, squeeze=False)[0]
        for axes, curve in zip(panels, curves, strict=True):
            _panel(axes, curve)
            axes.set(xlabel="epochs of adversarial training", ylim=(0, 103), xscale="log")
            stops = [found.epoch for found in curve.proved]
            axes.set_xticks(stops, [str(stop) for stop in stops], minor=False)
            axes.minorticks_off()
            axes.set_title(f"{curve.name}, δ = {curve.radius:g}")
        panels[0].set_ylabel("accuracy, %")
        drawn.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)


def _panel(axes: Any, curve: Curve) -> None:
    x = [epoch.epoch for epoch in curve.epochs]
    for part, colour in (("train", figures.BLUE), ("test", figures.ORANGE)):
        shares: list[Accuracy] = [getattr(epoch, part) for epoch in curve.epochs]
        axes.plot(
            x, [100 * share.clean for share in shares], color=colour, linewidth=0.9, alpha=0.6, label=f"{part}: clean"
        )
        axes.plot(x, [100 * share.robust for share in shares], "--", color=colour, label=f"{part}: robust, PGD")
        for found in curve.proved:
            ends = [100 * share for share in getattr(found, part)]
            label = f"{part}: proved (dot) to PGD, on a part" if found is curve.proved[0] else None
            axes.plot([found.epoch] * 2, ends, "-", color=colour, linewidth=1.2, marker="_", markersize=6, label=label)
            axes.plot([found.epoch], ends[1:], "o", color=colour, markersize=3.5)
