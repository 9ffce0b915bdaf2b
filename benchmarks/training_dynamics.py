"""What the neurons learn while training: coefficients of the features against steps, with the growth law.

The paper's small initialisation against that of the slides, on the same clusters. A run of T steps is the beginning of
every longer one, so the nets on the way are those of shorter runs; their exact radii are measured.
"""

import dataclasses as dc
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import certifiers, figures, tables
from benchmarks.cluster_nets import labelled, predicted, scaled
from certify.radius import Settings
from constructions.distributions import ClusterDistribution, Clusters, Sample
from constructions.training import Preset, Trained, find_preset, predicted_lambda, train_two_class

COLOURS = {"paper": figures.BLUE, "slides": figures.ORANGE}
HEADER = (
    "initialisation",
    "steps",
    "loss",
    "lambda mean",
    "growth law",
    "lambda least",
    "lambda largest",
    "largest ratio in a neuron",
    "lambda on other class, least",
    "train accuracy",
    "test accuracy",
    "exact radius mean",
    "sqrt(d/k)",
    "robust accuracy at half of it, exact",
)


@dc.dataclass(frozen=True, slots=True)
class Plan:
    """Dimension, clusters, steps of either run, at how many of them nets are measured, and on how many test points."""

    d: int
    k: int
    steps: dict[str, int]
    stops: int
    points: int


PLANS = {
    "small": Plan(128, 4, {"paper": 300, "slides": 300}, 4, 10),
    "full": Plan(1000, 10, {"paper": 10_000, "slides": 10_000}, 9, 30),
}


@dc.dataclass(frozen=True, slots=True, eq=False)
class Stop:
    """A run after some steps: what was learned, and how the net does on unseen points."""

    preset: Preset
    trained: Trained
    growth: float
    clean: float
    radius: np.ndarray

    @property
    def steps(self) -> int:
        """Steps so far."""
        return self.preset.steps

    @property
    def half(self) -> float:
        """Half of ``sqrt(d/k)``, the radius of an averaged net at its centres."""
        return self.limit / 2

    @property
    def limit(self) -> float:
        """``sqrt(d/k)``."""
        return predicted("averaged.bias-free.radius", d=self.preset.d, k=self.preset.k)

    @property
    def robust(self) -> float:
        """The exact share of test points whose radius exceeds ``half``."""
        return float(certifiers.surviving(self.radius, [self.half])[0])

    def row(self) -> tuple[object, ...]:
        """In the order of the header."""
        history, learned = self.trained.history, self.trained.decomposition
        values = (
            *(history.loss[-1], history.lam_mean[-1], self.growth, history.lam_min[-1], history.lam_max[-1]),
            *(learned.largest_ratio(), history.lam_opposite[-1], history.accuracy[-1], self.clean),
            *(self.radius.mean(), self.limit, self.robust),
        )
        return (self.preset.name, self.steps, *(f"{value:.4g}" for value in values))


def presets(plan: Plan) -> dict[str, Preset]:
    """The two initialisations at the sizes of the plan; the paper's step keeps eta d as it is at d = 3072."""
    small = dc.replace(scaled(find_preset("fast"), d=plan.d, k=plan.k, m=5), name="paper")
    large = scaled(find_preset("slides"), d=plan.d, k=plan.k, m=5)
    return {preset.name: dc.replace(preset, steps=plan.steps[preset.name]) for preset in (small, large)}


def run(out: Path, *, data: str | None, size: str) -> None:
    """Writes ``training-dynamics`` as figure and table; needs no data."""
    del data
    report(out, PLANS[size])


def report(out: Path, plan: Plan) -> dict[str, list[Stop]]:
    """Trains both runs and their beginnings; writes and returns what was found at each stop."""
    clusters = Clusters.orthogonal(plan.k, plan.d, seed=0)
    drawn = ClusterDistribution(clusters, 1.0)
    found: dict[str, list[Stop]] = {}
    for name, preset in presets(plan).items():
        train, test = drawn.sample(preset.samples, 0), drawn.sample(plan.points, 1)
        steps = np.unique(np.geomspace(1, preset.steps, plan.stops).round().astype(int)).tolist()
        found[name] = [_stop(dc.replace(preset, steps=step), clusters, train, test) for step in steps]
        print(f"{name}: {len(steps)} nets up to step {preset.steps}", flush=True)
    rows = [stop.row() for stops in found.values() for stop in stops]
    print(tables.write(out, "training-dynamics", HEADER, rows), flush=True)
    _draw(out, found)
    return found


def _stop(preset: Preset, clusters: Clusters, train: Sample, test: Sample) -> Stop:
    settings, data = preset.two_class(), labelled(test)
    trained = train_two_class(settings, clusters, train)
    right = test.label * trained.network.evaluate(test.points)[:, 0] > 0
    radius = certifiers.certified(trained.network, data, Settings(method="exact", seconds=10.0)).lower
    return Stop(preset, trained, predicted_lambda(settings, d=preset.d, k=preset.k), float(right.mean()), radius)


def _draw(out: Path, found: dict[str, list[Stop]]) -> None:
    with figures.figure(out, "training-dynamics", size=(7.4, 5.0)) as drawn:
        (first, second), (third, fourth) = drawn.subplots(2, 2)
        _coefficients(first, found["paper"], "paper")
        _coefficients(second, found["slides"], "slides")
        second.sharey(first)
        for name, stops in found.items():
            _ratio(third, stops[-1], name)
            _radius(fourth, stops, name)
        stop = found["paper"][0]
        fourth.axhline(stop.limit, color="black", linewidth=0.9, label="$\\sqrt{d/k}$")
        first.set_ylabel("coefficients λ, two-class net")
        third.set(yscale="log", ylabel="largest ratio λ in a class", xlabel="steps")
        fourth.set(ylabel="exact radius, mean", xlabel="steps", ylim=(0, None))
        for axes in (first, second, third, fourth):
            axes.set_xscale("log")
            axes.legend(fontsize=6.5)


def _coefficients(axes: Any, stops: list[Stop], name: str) -> None:
    history, last = stops[-1].trained.history, stops[-1].preset
    moved = history.steps > 0
    steps = history.steps[moved]
    law = [predicted_lambda(last.two_class(), d=last.d, k=last.k, steps=int(step)) for step in steps]
    low, high = history.lam_min[moved], history.lam_max[moved]
    axes.fill_between(
        steps, low, high, color=COLOURS[name], alpha=0.2, linewidth=0, label="own class, least to largest"
    )
    axes.plot(steps, history.lam_mean[moved], color=COLOURS[name], label="own class, mean")
    axes.plot(steps, history.lam_opposite[moved], "--", color=figures.GREY, label="other class, least")
    axes.plot(steps, law, ":", color="black", label="growth law $λ + e^λ = 1 + ηdT/(mk)$")
    axes.set_title(f"{name}' initialisation" if name.endswith("s") else f"{name}'s initialisation")


def _ratio(axes: Any, stop: Stop, name: str) -> None:
    history = stop.trained.history
    own = np.where(history.own, history.lam, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = (np.nanmax(own, axis=2) / np.nanmin(own, axis=2)).max(axis=1)
    known = (history.steps > 0) & np.isfinite(ratios)
    axes.plot(history.steps[known], ratios[known], color=COLOURS[name], label=f"{name}, worst neuron (none: infinite)")


def _radius(axes: Any, stops: list[Stop], name: str) -> None:
    steps, means = [stop.steps for stop in stops], [stop.radius.mean() for stop in stops]
    axes.plot(steps, means, "o-", color=COLOURS[name], markersize=3, label=name)
