"""Cosines between features (rows) and the weights of trained neurons (columns) (li2025, Figure 2).

Two labels give weights that look at all features of a class, k labels weights that look at one. On clusters of noise
around orthogonal features, and on images behind a frozen feature extractor, where a feature is the mean of a class.
"""

import dataclasses as dc
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64

from benchmarks import figures, golden, tables
from benchmarks.cluster_nets import ClusterNets
from benchmarks.extractor import Embedding, embedded
from benchmarks.image_tasks import ImageTask, image_tasks
from constructions.training import (
    Descent,
    KClassSettings,
    Preset,
    Trained,
    TwoClassSettings,
    find_preset,
    train_k_class,
    train_two_class,
)

GROUP = 3
"""Neurons of an image head that are averaged into one equivalent weight, as in the paper."""

_HEAD = Descent(step=3.07, steps=300)
"""Of an image head; the step is divided by the dimension, as for the paper's clusters."""

HEADER = (
    "task",
    "trained on",
    "own: mean",
    "own: range",
    "paper",
    "other: mean",
    "other: range",
    "paper",
    "test accuracy",
)


@dc.dataclass(frozen=True, slots=True)
class Plan:
    """The synthetic setting, and how many images and epochs the extractor gets."""

    preset: Preset
    images: int
    epochs: int


PLANS = {"small": Plan(find_preset("fast"), 1000, 12), "full": Plan(find_preset("paper"), 10_000, 12)}


@dc.dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """The cosines (k, W) of one net, and which of them are between a weight and a feature of its own class."""

    task: str
    labels: str
    cosines: Float64[np.ndarray, "k w"]
    own: Bool[np.ndarray, "k w"]
    accuracy: float

    @property
    def key(self) -> str:
        """The stem of the published numbers' names; the paper's clusters have d = 3072."""
        paper = f"clusters, d = {find_preset('paper').d}"
        return f"{'synthetic' if self.task == paper else self.task}-{self.labels.split()[0]}"

    def row(self) -> tuple[object, ...]:
        """In the order of the header."""
        published = [f"{self.key}-{part}" for part in ("own", "other")]
        known = golden.names("interval")
        shown = [str(golden.interval(name)) if name in known else "" for name in published]
        own, other = (_range(self.cosines[marks]) for marks in (self.own, ~self.own))
        return (self.task, self.labels, *own, shown[0], *other, shown[1], f"{self.accuracy:.3f}")


def run(out: Path, *, data: str | None, size: str) -> None:
    """Writes ``feature-matrix`` as figure and table."""
    report(out, PLANS[size], data)


def report(out: Path, plan: Plan, data: str | None) -> list[Matrix]:
    """Trains, measures, writes; returns the matrices."""
    tasks = image_tasks(data, train=plan.images, test=2000)
    matrices = _of_clusters(plan.preset)
    for task in tasks:
        found = embedded(task, epochs=plan.epochs)
        print(f"{task.name}: the extractor is right on {100 * found.accuracy:.1f} % of the test images", flush=True)
        matrices += _of_images(task, found)
    print(tables.write(out, "feature-matrix", HEADER, [matrix.row() for matrix in matrices]), flush=True)
    _draw(out, matrices)
    return matrices


def _of_clusters(preset: Preset) -> list[Matrix]:
    nets = ClusterNets.trained(preset, test=1000)
    two, many, task = nets.two_class, nets.k_class, f"clusters, d = {preset.d}"
    right = nets.test.label * two.network.evaluate(nets.test.points)[:, 0] > 0
    named = many.network.evaluate(nets.test.points).argmax(axis=1) == nets.test.cluster
    return [
        _matrix(task, "2 classes", two, 1, float(right.mean())),
        _matrix(task, f"{preset.k} classes", many, 1, float(named.mean())),
    ]


def _of_images(task: ImageTask, seen: Embedding) -> list[Matrix]:
    """Heads of the paper's sizes: 15 neurons for each of two classes, 3 for each of ten."""
    e = seen.clusters.d
    descent = dc.replace(_HEAD, step=_HEAD.step / e)
    two = train_two_class(TwoClassSettings(5 * GROUP, 1e-5, 1e-5, descent), seen.clusters, seen.train)
    many = train_k_class(KClassSettings(GROUP, 1e-5, descent), seen.clusters, seen.train)
    right = seen.test.label * two.network.evaluate(seen.test.points)[:, 0] > 0
    named = many.network.evaluate(seen.test.points).argmax(axis=1) == seen.test.cluster
    return [
        _matrix(task.name, "2 classes", two, GROUP, float(right.mean())),
        _matrix(task.name, "10 classes", many, GROUP, float(named.mean())),
    ]


def _matrix(task: str, labels: str, trained: Trained, group: int, accuracy: float) -> Matrix:
    """The matrix with features sorted by class, positive ones first, like the neurons."""
    learned = trained.decomposition
    order = np.argsort(~learned.clusters.positive, kind="stable")
    weights = learned.final.weight.reshape(-1, group, learned.clusters.d).mean(axis=1)
    own = learned.own[::group]
    if labels != "2 classes":
        weights, own = weights[order], own[order]
    return Matrix(task, labels, _cosines(learned.clusters.features, weights)[order], own.T[order], accuracy)


def _cosines(features: Float64[np.ndarray, "k d"], weights: Float64[np.ndarray, "w d"]) -> Float64[np.ndarray, "k w"]:
    lengths = np.linalg.norm(features, axis=1)[:, None] * np.linalg.norm(weights, axis=1)[None, :]
    return features @ weights.T / np.where(lengths > 0, lengths, 1.0)


def _range(values: Float64[np.ndarray, " n"]) -> tuple[str, str]:
    return f"{values.mean():.3f}", f"{values.min():.3f} to {values.max():.3f}"


def _draw(out: Path, matrices: list[Matrix]) -> None:
    columns = len(matrices) // 2
    with figures.figure(out, "feature-matrix", size=(1.3 + 2.5 * columns, 5.2)) as drawn:
        panels = drawn.subplots(2, columns, squeeze=False)
        image: Any = None
        for i, matrix in enumerate(matrices):
            axes = panels[i % 2, i // 2]
            image = axes.imshow(matrix.cosines, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
            axes.set(xticks=(), yticks=(), xlabel="weights of neurons")
            axes.set_title(f"{matrix.task}, {matrix.labels}", fontsize=8)
            axes.grid(visible=False)
        for axes in panels[:, 0]:
            axes.set_ylabel("features")
        drawn.colorbar(image, ax=panels, shrink=0.6, label="cosine")
