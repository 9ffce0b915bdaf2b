"""``python -m constructions sample DISTRIBUTION ... -o FILE.npz``: the data that the theorems speak about, seeded."""

import argparse
from collections.abc import Sequence
from fractions import Fraction

from certify.errors import InvalidInput
from constructions.distributions import ClusterDistribution, Clusters, write_points
from constructions.dyadic import rational
from constructions.hard import HardSet, labelled_grid, luck_of_architecture, luck_of_size
from constructions.manifold.problem import separated_classes
from constructions.theorem import Labelled


def main(arguments: Sequence[str]) -> int:
    """Draws the points, writes them, and says what is guaranteed of them."""
    options = _parser().parse_args(arguments)
    data, words = options.draw(options)
    write_points(options.output, data.points, data.labels)
    counts = ", ".join(f"{len(data.of_class(label))} of label {label}" for label in range(data.classes))
    print(f"{len(data.points)} points of {data.points.shape[1]} numbers ({counts})")
    for line in words:
        print(f"  {line}")
    print(f"saved {options.output}")
    return 0


Drawn = tuple[Labelled, list[str]]


def _hard_set(options: argparse.Namespace) -> Drawn:
    eps, c, alpha = (_number(options, name) for name in ("eps", "c", "alpha"))
    hard = HardSet(options.d, eps, c, seed=options.seed)
    if options.widths:
        odds = luck_of_architecture(hard, _widths(options.widths), alpha=alpha)
    else:
        odds = luck_of_size(hard, options.size, alpha=alpha)
    return hard.labelled(), [
        f"classes at least {hard.separation} apart in every norm; the last coordinate separates them linearly",
        f"points are within {float(hard.movement):.3g} of the exact set (li2022, Theorem 4.3)",
        odds.sentence(),
    ]


def _grid(options: argparse.Namespace) -> Drawn:
    data = labelled_grid(options.d, _number(options, "eps"), seed=options.seed)
    return data, [f"classes at least {2 * _number(options, 'eps')} apart in every norm (li2022, Theorem 3.4)"]


def _clusters(options: argparse.Namespace) -> Drawn:
    make = {"orthogonal": Clusters.orthogonal, "hadamard": Clusters.hadamard, "gaussian": Clusters.gaussian}
    if options.features == "axis":
        clusters = Clusters.axis(options.k, options.d, K_plus=options.positives)
    else:
        clusters = make[options.features](options.k, options.d, K_plus=options.positives, seed=options.seed)
    sample = ClusterDistribution(clusters, float(_number(options, "sigma"))).sample(options.count, options.seed + 1)
    labels = sample.cluster if options.by_cluster else sample.label
    kind = "clusters" if options.by_cluster else "classes"
    return Labelled.of(sample.points, labels), [
        f"labels are {kind}; features are {options.features} (li2025, Definition 3.1)"
    ]


def _manifold(options: argparse.Namespace) -> Drawn:
    eps = _number(options, "eps")
    classes = separated_classes(options.manifold, options.level, eps, options.width, options.seed)
    sample = classes.sample(options.count, options.seed)
    distance = f"classes at least {2 * eps} apart in linf on the manifold (li2022, Section 5)"
    return sample.data, [distance, f"points are within {float(sample.slack):.3g} of points of the manifold"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m constructions sample", description="Draws the data that the theorems speak about."
    )
    kinds = parser.add_subparsers(dest="distribution", required=True, metavar="DISTRIBUTION")
    for name, draw, what in (
        ("hard-set", _hard_set, "linearly separable, hard to classify robustly"),
        ("grid", _grid, "a grid with random labels"),
        ("clusters", _clusters, "noise around features"),
        ("manifold", _manifold, "two classes on a manifold"),
    ):
        kind = kinds.add_parser(name, help=what, description=what)
        kind.set_defaults(draw=draw)
        kind.add_argument("--seed", type=int, default=0)
        kind.add_argument("-o", "--output", required=True, metavar="FILE", help=".npz or .csv")
        _OPTIONS[name](kind)
    return parser


def _hard_options(kind: argparse.ArgumentParser) -> None:
    kind.add_argument("--d", type=int, required=True, help="input dimension")
    kind.add_argument("--eps", required=True, help="half the distance between classes")
    kind.add_argument("--c", default="1/2", help="attack radius divided by eps")
    kind.add_argument("--alpha", default="1/10", help="robust error that is called robust, for the odds")
    kind.add_argument("--size", type=int, default=100, help="odds of all networks with so many parameters")
    kind.add_argument("--widths", metavar="6-100-1", help="odds of this architecture instead")


def _grid_options(kind: argparse.ArgumentParser) -> None:
    kind.add_argument("--d", type=int, required=True, help="input dimension")
    kind.add_argument("--eps", required=True, help="half the distance between classes")


def _cluster_options(kind: argparse.ArgumentParser) -> None:
    kind.add_argument("--k", type=int, default=10, help="clusters")
    kind.add_argument("--d", type=int, default=3072, help="input dimension")
    kind.add_argument("--positives", type=int, help="positive clusters; default: half")
    kind.add_argument("--features", choices=("orthogonal", "hadamard", "gaussian", "axis"), default="orthogonal")
    kind.add_argument("--sigma", default="1", help="standard deviation of the noise")
    kind.add_argument("--count", type=int, default=1000, help="points")
    kind.add_argument("--by-cluster", action="store_true", help="label by cluster, not by class")


def _manifold_options(kind: argparse.ArgumentParser) -> None:
    kind.add_argument("--manifold", required=True, help="such as torus:k=2,radius=1/2")
    kind.add_argument("--level", required=True, help="linear:W,W,... or waves:COUNT:SEED or angles:COUNT:SEED")
    kind.add_argument("--eps", required=True, help="half the distance between classes, in linf")
    kind.add_argument("--width", type=int, default=0, help="dimension to turn it into; 0: its own")
    kind.add_argument("--count", type=int, default=1000, help="points")


_OPTIONS = {
    "hard-set": _hard_options,
    "grid": _grid_options,
    "clusters": _cluster_options,
    "manifold": _manifold_options,
}


def _number(options: argparse.Namespace, name: str) -> Fraction:
    return rational(getattr(options, name), f"--{name}")


def _widths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split("-"))
    except ValueError as error:
        raise InvalidInput(f"--widths is like 6-100-1, got {text!r}.") from error
