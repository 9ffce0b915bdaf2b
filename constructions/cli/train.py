"""``python -m constructions train NET ... -o FILE``: networks made by gradient descent, to compare with."""

import argparse
import dataclasses as dc
import json
import sys
import time
from collections.abc import Sequence

from certify.errors import InvalidInput
from certify.io.datasets import load_points
from certify.io.writers import check, save
from certify.region import Norm
from constructions.distributions import ClusterDistribution, Clusters, Sample, check_points, write_points
from constructions.dyadic import rational
from constructions.readouts import Readout, read_out
from constructions.theorem import Labelled
from constructions.training import (
    Adam,
    Checkpoint,
    Epoch,
    MlpSettings,
    Pgd,
    Preset,
    Progress,
    Session,
    Trained,
    Watch,
    find_preset,
    predicted_lambda,
    train_k_class,
    train_mlp,
    train_two_class,
)

KEY = "relucert-training"


_WHOLE = {
    "d": "dimension",
    "k": "clusters",
    "positives": "positive clusters; default: half",
    "samples": "training points",
    "steps": "descent steps",
    "seed": "of features, points and weights",
}
"""Whole numbers that replace those of the preset."""

_NEURONS = {"m": "neurons a class", "h": "neurons a cluster"}
"""That of the two-class net, and that of the net of all clusters."""


def main(arguments: Sequence[str]) -> int:
    """Trains, says what was learned, and saves the network."""
    options = _parser().parse_args(arguments)
    _check_outputs(options)
    return int(options.train(options))


def _check_outputs(options: argparse.Namespace) -> None:
    """Refuses what could not be written, before anything is trained."""
    check(options.output)
    points = getattr(options, "test_points", None)
    if points is not None:
        check_points(points)
        if options.test_count < 1:
            raise InvalidInput(f"--test-count {options.test_count}: at least 1 is needed.")


def _averaging(options: argparse.Namespace) -> int:
    preset, clusters, sample = _experiment(options)
    print(_heading(preset, "two classes"), flush=True)
    trained = train_two_class(preset.two_class(), clusters, sample, session=_session(options))
    _tell(
        trained, predicted_lambda(preset.two_class(), d=preset.d, k=preset.k), "sqrt(d/k)", (preset.d / preset.k) ** 0.5
    )
    save(trained.network, options.output, metadata={KEY: json.dumps(dc.asdict(preset))})
    _test_points(options, preset, clusters, by_cluster=False)
    return 0


def _decoupled(options: argparse.Namespace) -> int:
    preset, clusters, sample = _experiment(options)
    print(_heading(preset, f"{preset.k} classes, read out by {options.readout}"), flush=True)
    trained = train_k_class(preset.k_class(), clusters, sample, session=_session(options))
    _tell(trained, predicted_lambda(preset.k_class(), d=preset.d, k=preset.k), "sqrt(d/2)", (preset.d / 2) ** 0.5)
    network = trained.network
    if options.readout != "none":
        network = read_out(network, clusters.positive, Readout.parse(options.readout))
    save(network, options.output, metadata={KEY: json.dumps(dc.asdict(preset) | {"readout": options.readout})})
    _test_points(options, preset, clusters, by_cluster=options.readout == "none")
    return 0


def _classifier(options: argparse.Namespace) -> int:
    train, test = (_labelled(options, spec) for spec in (options.data, options.test or options.data))
    delta, norm = float(rational(options.delta, "--delta")), Norm.parse(options.norm)
    attack = Pgd(norm, delta, steps=options.steps)
    settings = MlpSettings(
        _hidden(options.hidden),
        options.epochs,
        batch=options.batch,
        optimiser=Adam(options.rate),
        attack=attack if options.adversarial else None,
        seed=options.seed,
    )
    print(f"{len(train.points)} points of {train.classes} classes; robust means at {norm} radius {delta:g}, under PGD")
    print(f"{'epoch':>6} {'loss':>9}   clean train  test   robust train  test")

    def tell(epoch: Epoch) -> None:
        shares = [epoch.train.clean, epoch.test.clean, epoch.train.robust, epoch.test.robust]
        words = "{:11.1%} {:6.1%} {:13.1%} {:6.1%}".format(*shares)
        print(f"{epoch.epoch:6} {epoch.loss:9.4f} {words}", flush=True)

    watch = Watch(attack, every=options.every, on_epoch=tell)
    trained = train_mlp(settings, train, test, watch=watch, device=options.device)
    save(trained.network, options.output, metadata={KEY: json.dumps({"seed": options.seed, "data": options.data})})
    print(f"saved {options.output}")
    return 0


def _experiment(options: argparse.Namespace) -> tuple[Preset, Clusters, Sample]:
    names = ("d", "k", "samples", "m", "h", "steps", "sigma", "seed")
    changed = {name: getattr(options, name, None) for name in names}
    preset = dc.replace(find_preset(options.preset), **{k: v for k, v in changed.items() if v is not None})
    clusters = Clusters.orthogonal(preset.k, preset.d, K_plus=options.positives, seed=preset.seed)
    return preset, clusters, ClusterDistribution(clusters, preset.sigma).sample(preset.samples, preset.seed + 1)


def _heading(preset: Preset, what: str) -> str:
    size = f"d={preset.d} k={preset.k} n={preset.samples}"
    return f"{what}: {size}, {preset.steps} steps of {preset.step.at(preset.d):.4g}, seed {preset.seed}"


def _session(options: argparse.Namespace) -> Session:
    checkpoint = Checkpoint(options.checkpoint) if options.checkpoint else None
    last = [time.monotonic()]

    def tell(progress: Progress) -> None:
        if time.monotonic() - last[0] >= 1 or progress.step == 0:
            last[0] = time.monotonic()
            words = (
                f"step {progress.step:>7}/{progress.steps}  loss {progress.loss:.5f}  accuracy {progress.accuracy:.1%}"
            )
            print(words, file=sys.stderr, flush=True)

    return Session(options.device, checkpoint, tell)


def _tell(trained: Trained, predicted: float, scale: str, radius: float) -> None:
    history, learned = trained.history, trained.decomposition
    print(f"  loss {history.loss[0]:.4f} -> {history.loss[-1]:.4f}, train accuracy {history.accuracy[-1]:.1%}")
    own = f"{history.lam_min[-1]:.3f}..{history.lam_max[-1]:.3f}, mean {history.lam_mean[-1]:.3f}"
    print(
        f"  lambda on own clusters {own} (growth law: {predicted:.3f}); lowest on others {history.lam_opposite[-1]:.3f}"
    )
    print(f"  weights are features plus noise up to a relative error of {learned.weight_error():.1e}")
    print(f"  radius to compare with: {scale} = {radius:.3f}")


def _test_points(options: argparse.Namespace, preset: Preset, clusters: Clusters, *, by_cluster: bool) -> None:
    """Fresh labelled points beside the network, when they are asked for."""
    print(f"saved {options.output}")
    if options.test_points:
        fresh = ClusterDistribution(clusters, preset.sigma).sample(options.test_count, preset.seed + 2)
        write_points(
            options.test_points, fresh.points, fresh.cluster if by_cluster else (fresh.label > 0).astype("int64")
        )
        print(f"saved {options.test_points}: {options.test_count} fresh points for python -m certify")


def _labelled(options: argparse.Namespace, spec: str) -> Labelled:
    index = options.index if spec == options.data else None
    found = load_points(spec, None, index=index)
    return Labelled.of(found.points, found.labels)


def _hidden(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise InvalidInput(f"--hidden is like 64,32, got {text!r}.") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m constructions train", description="Trains networks to compare with."
    )
    nets = parser.add_subparsers(dest="net", required=True, metavar="NET")
    averaging = nets.add_parser(
        "feature-averaging", help="two classes, frozen second layer, gradient descent", allow_abbrev=False
    )
    decoupled = nets.add_parser("feature-decoupled", help="the same data, one class a cluster", allow_abbrev=False)
    for net, neurons in ((averaging, "m"), (decoupled, "h")):
        _experiment_options(net, neurons)
    averaging.set_defaults(train=_averaging)
    decoupled.add_argument(
        "--readout", choices=("max", "sum", "none"), default="max", help="how scores become two classes"
    )
    decoupled.set_defaults(train=_decoupled)
    classifier = nets.add_parser("classifier", help="a small ReLU network on any data, with or without an adversary")
    _classifier_options(classifier)
    classifier.set_defaults(train=_classifier)
    return parser


def _experiment_options(net: argparse.ArgumentParser, neurons: str) -> None:
    net.add_argument("--preset", choices=("paper", "slides", "fast"), default="fast", help="settings to start from")
    for name, what in {**_WHOLE, neurons: _NEURONS[neurons]}.items():
        net.add_argument(f"--{name}", type=int, help=what)
    net.add_argument("--sigma", type=float, help="standard deviation of the noise")
    net.add_argument("--checkpoint", metavar="FILE", help="state to continue from, and to keep")
    net.add_argument("--test-points", metavar="FILE.npz", help="also save fresh labelled points")
    net.add_argument("--test-count", type=int, default=200, help="how many")
    _common_options(net)


def _classifier_options(net: argparse.ArgumentParser) -> None:
    net.add_argument(
        "--data", required=True, metavar="SPEC", help="training points: digits:train, mnist-train:DIR, ..."
    )
    net.add_argument("--index", metavar="0:100", help="which of them")
    net.add_argument("--test", metavar="SPEC", help="points to measure on; default: the training points")
    net.add_argument("--hidden", default="64,32", help="widths of the hidden layers")
    net.add_argument("--adversarial", action="store_true", help="train on attacked points (madry2018)")
    net.add_argument("--norm", default="inf", help="of the attack: inf or 2")
    net.add_argument("--delta", default="0.1", help="radius of the attack")
    for name, default, what in (("steps", 10, "attack steps"), ("epochs", 20, "epochs"), ("batch", 50, "batch size")):
        net.add_argument(f"--{name}", type=int, default=default, help=what)
    net.add_argument("--every", type=int, default=1, help="measure after every so many epochs")
    net.add_argument("--rate", type=float, default=1e-3, help="learning rate of Adam")
    net.add_argument("--seed", type=int, default=0)
    _common_options(net)


def _common_options(net: argparse.ArgumentParser) -> None:
    net.add_argument("--device", default="cpu", help="auto, cpu or cuda")
    net.add_argument("-o", "--output", required=True, metavar="FILE", help=".safetensors, .onnx or .pt")
