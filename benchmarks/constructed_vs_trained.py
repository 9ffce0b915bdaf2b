"""Constructed and trained networks on the same clusters, and in which order each certifier puts them.

The true mean radius of a net lies between what is proved and what is broken. A certifier ranks two nets wrongly when it
puts one above the other although the brackets of the two say the opposite.
"""

import dataclasses as dc
import itertools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from benchmarks import certifiers, figures, tables
from benchmarks.certifiers import Brackets
from benchmarks.cluster_nets import MAX, ClusterNets, labelled, predicted, scaled
from certify.bounders.lipschitz import LipschitzBounder
from certify.network import Network
from certify.radius import Settings
from certify.region import Norm
from certify.solvers.prover import ClosedFormProver, CrownProver
from certify.solvers.two_layer.model import is_two_layer
from constructions import memorizer
from constructions.distributions import Clusters
from constructions.features import f_robust, feature_averaged, feature_decoupled
from constructions.readouts import Readout, read_out
from constructions.separation import measure
from constructions.theorem import Labelled
from constructions.training import MlpSettings, Pgd, Preset, Watch, find_preset, train_mlp

CONSTRUCTED_MAX = "decoupled, max"
SHARE = 0.75
"""The radii of adversarial training and of memorizers: of sqrt(d/2), and of half the distance between the classes."""

_FARTHEST = 1.6
"""Up to which multiple of sqrt(d/2) Lipschitz bounds, CROWN and PGD are asked for radii."""

HEADER = (
    "net",
    "at",
    "entry",
    "predicted",
    "non-zero parameters",
    "clean accuracy",
    "proved mean",
    "proved least",
    "broken mean",
    "Lipschitz mean",
    "CROWN mean",
    "PGD-40 mean",
)
JUDGES = ("Lipschitz", "CROWN", "PGD-40")


@dc.dataclass(frozen=True, slots=True)
class Plan:
    """The clusters, points to judge at, points memorised, and epochs of the perceptrons.

    ``seconds`` a point is for the brackets of networks with more than one hidden layer.
    """

    preset: Preset
    points: int
    memorised: int
    epochs: int
    seconds: float


PLANS = {
    "small": Plan(scaled(find_preset("fast"), d=64, k=4), 8, 16, 30, 1.0),
    "full": Plan(scaled(find_preset("fast"), d=512, k=10, m=5), 30, 60, 60, 5.0),
}


@dc.dataclass(frozen=True, slots=True, eq=False)
class Entrant:
    """A net, where it is judged, and the entry and value of the radius that is predicted at the centres or promised."""

    name: str
    network: Network
    data: Labelled
    at: str
    entry: str
    predicted: float | None
    known: Brackets | None = None


@dc.dataclass(frozen=True, slots=True, eq=False)
class Row:
    """What each certifier says of an entrant."""

    entrant: Entrant
    clean: float
    brackets: Brackets
    means: dict[str, float]

    def cells(self) -> tuple[object, ...]:
        """In the order of the header."""
        e, lower, upper = self.entrant, self.brackets.lower, self.brackets.upper
        numbers = (lower.mean(), lower.min(), upper.mean(), *(self.means[judge] for judge in JUDGES))
        promised = "" if e.predicted is None else f"{e.predicted:.3f}"
        count = e.network.count().nnz
        return (e.name, e.at, e.entry, promised, count, f"{self.clean:.3f}", *(f"{number:.3f}" for number in numbers))


@dc.dataclass(frozen=True, slots=True)
class Ranking:
    """Of the pairs of nets whose brackets decide which is more robust: how many a certifier reverses."""

    judge: str
    wrong: int
    decided: int
    example: str


def run(out: Path, *, data: str | None, size: str) -> None:
    """Writes ``constructed-vs-trained`` (figure and radii) and ``constructed-vs-trained-ranking``; needs no data."""
    del data
    report(out, PLANS[size])


def report(out: Path, plan: Plan) -> tuple[list[Row], list[Ranking]]:
    """Builds, trains, judges; writes and returns rows and rankings."""
    rows: list[Row] = []
    for entrant in entrants(plan):
        rows.append(_judged(entrant, plan))
        print(f"{entrant.name} at {entrant.at}: judged", flush=True)
    rankings = [ranking(rows, judge) for judge in JUDGES]
    print(tables.write(out, "constructed-vs-trained", HEADER, [row.cells() for row in rows]), flush=True)
    header = ("certifier", "pairs ranked wrongly", "pairs decided", "worst example")
    tables.write(out, "constructed-vs-trained-ranking", header, [dc.astuple(found) for found in rankings])
    _draw(out, rows)
    return rows, rankings


def entrants(plan: Plan) -> Iterator[Entrant]:
    """All nets, each with the points that it is judged at."""
    nets = ClusterNets.trained(plan.preset, test=plan.points)
    yield from _constructed(nets.clusters, labelled(nets.test))
    yield from _trained(nets, plan)
    yield from _memorizers(nets, plan)


def _constructed(clusters: Clusters, data: Labelled) -> Iterator[Entrant]:
    k, d, rivals = clusters.k, clusters.d, clusters.k // 2
    scores = feature_decoupled(clusters)
    summed, most = (read_out(scores, clusters.positive, readout) for readout in (Readout.SUM, Readout.MAX))
    above = certifiers.maximum_radii(scores, clusters.positive, most, data)
    best = predicted("f-robust.radius", d=d, beta="1/4", K_minus=rivals)
    least = predicted("averaged.bias-free.radius", d=d, k=k)
    middle = predicted("decoupled.sum.radius", d=d, K_minus=rivals)
    at = "test points"
    yield Entrant("f_robust, β = 1/4", f_robust(clusters, 0.25), data, at, "f-robust.radius", best)
    yield Entrant("averaged", feature_averaged(clusters), data, at, "averaged.bias-free.radius", least)
    yield Entrant("decoupled, sum", summed, data, at, "decoupled.sum.radius", middle)
    entry = "decoupled.max.radius"
    yield Entrant(CONSTRUCTED_MAX, most, data, at, entry, predicted(entry, d=d), above)


def _trained(nets: ClusterNets, plan: Plan) -> Iterator[Entrant]:
    data, at = labelled(nets.test), "test points"
    for name, network in nets.networks().items():
        of_max = name == MAX
        positive = nets.clusters.positive
        known = certifiers.maximum_radii(nets.k_class.network, positive, network, data) if of_max else None
        yield Entrant(name, network, data, at, "", None, known)
    radius = SHARE * math.sqrt(nets.clusters.d / 2)
    for name, attack in (("perceptron, clean", None), ("perceptron, adversarial", Pgd(Norm.L2, radius, steps=7))):
        yield Entrant(name, _perceptron(nets, plan, attack), data, at, "", None)


def _perceptron(nets: ClusterNets, plan: Plan, attack: Pgd | None) -> Network:
    """Four neurons a cluster, both layers and biases free."""
    settings = MlpSettings((4 * nets.clusters.k,), plan.epochs, attack=attack)
    watch = Watch(Pgd(Norm.L2, 0.0, steps=1), every=10**9)
    return train_mlp(settings, labelled(nets.train), labelled(nets.test), watch=watch).network


def _memorizers(nets: ClusterNets, plan: Plan) -> Iterator[Entrant]:
    whole = labelled(nets.train)
    stored = Labelled(whole.points[: plan.memorised], whole.labels[: plan.memorised])
    epsilon = measure(stored.points, stored.labels, Norm.L2, same_class=False).epsilon
    delta = Fraction(math.floor(SHARE * epsilon * 1024), 1024)
    for name, made in (("voronoi", memorizer.voronoi), ("paraboloid", memorizer.paraboloid)):
        network = made(stored.points, stored.labels, delta=delta).network
        title = f"{name} memorizer"
        own = Labelled(stored.points[: plan.points], stored.labels[: plan.points])
        yield Entrant(title, network, own, "its own points", "promised radius", float(delta))
        yield Entrant(title, network, labelled(nets.test), "test points", "", None)


def _judged(entrant: Entrant, plan: Plan) -> Row:
    network, data = entrant.network, entrant.data
    settings = Settings(method="exact") if is_two_layer(network) else Settings(seconds=plan.seconds)
    brackets = entrant.known or certifiers.certified(network, data, settings)
    most = _FARTHEST * math.sqrt(plan.preset.d / 2)
    provers = (ClosedFormProver(LipschitzBounder(network)), CrownProver(network))
    lower = [certifiers.proved_by(prover, network, data, most=most) for prover in provers]
    brackets = Brackets(np.minimum(np.max([brackets.lower, *lower], axis=0), brackets.upper), brackets.upper)
    deltas = np.linspace(0.0, most, 25).tolist()
    pgd = certifiers.mean_radius(deltas, certifiers.pgd_accuracy(network, data, deltas))
    means = (*(float(radius.mean()) for radius in lower), pgd)
    return Row(entrant, float((brackets.upper > 0).mean()), brackets, dict(zip(JUDGES, means, strict=True)))


def ranking(rows: Sequence[Row], judge: str) -> Ranking:
    """How often ``judge`` reverses an order that the brackets decide; the example is the pair furthest apart."""
    decided, wrong = 0, list[tuple[float, str]]()
    here = [row for row in rows if row.entrant.at == rows[0].entrant.at]
    for first, second in itertools.permutations(here, 2):
        gap = float(second.brackets.lower.mean() - first.brackets.upper.mean())
        if gap > 0:
            decided += 1
            if first.means[judge] > second.means[judge]:
                wrong.append((gap, f"{first.entrant.name} above {second.entrant.name}"))
    return Ranking(judge, len(wrong), decided, max(wrong)[1] if wrong else "")


def _draw(out: Path, rows: Sequence[Row]) -> None:
    with figures.figure(out, "constructed-vs-trained", size=(7.2, 0.9 + 0.3 * len(rows))) as drawn:
        axes = drawn.subplots()
        places = np.arange(len(rows))[::-1]
        for place, row in zip(places, rows, strict=True):
            low, high = float(row.brackets.lower.mean()), float(row.brackets.upper.mean())
            shown, mark = (high, "|") if math.isfinite(high) else (1.15 * row.means["PGD-40"], ">")
            axes.plot([low, shown], [place, place], color=figures.BLUE, linewidth=5, alpha=0.35, solid_capstyle="butt")
            axes.plot([low], [place], "|", color=figures.BLUE, markersize=9, markeredgewidth=1.8)
            axes.plot([shown], [place], mark, color=figures.BLUE, markersize=9, markeredgewidth=1.8)
        axes.plot([], [], "|-", color=figures.BLUE, linewidth=3, label="proved to broken (exact: one mark)")
        for judge, mark, colour in zip(JUDGES, "<dx", (figures.ORANGE, figures.GREEN, figures.GREY), strict=True):
            means = [row.means[judge] for row in rows]
            axes.plot(means, places, mark, color=colour, markersize=5, label=judge)
        names = [f"{r.entrant.name}" + (", own points" if "own" in r.entrant.at else "") for r in rows]
        axes.set_yticks(places, names, fontsize=8)
        axes.set(xlabel="mean l2 radius", xlim=(0, None))
        drawn.legend(loc="outside lower center", ncols=4)
