"""``python -m benchmarks list`` and ``python -m benchmarks run NAME``: one file per figure or table."""

import argparse
import importlib
import sys
from pathlib import Path

from benchmarks import tables
from certify.errors import CertifyError

NAMES = {
    "bounds-and-counts": "bounds on sizes against the dimension, with counts of built networks as points",
    "constructed-vs-trained": "constructed and trained networks on the same clusters, as each certifier ranks them",
    "feature-matrix": "cosines between weights and features: what the neurons of trained nets look at",
    "feature-robustness": "robust accuracy by plain PGD, by the strengthened attack, and exactly",
    "devices": "many robust images at a fixed radius, on the CPU and on the GPU if there is one",
    "hard-set": "the size that robustness costs on linearly separable data, from both sides",
    "exact-radii": "exact radii of trained two-layer nets: time, batching, dimension, and a peer",
    "memorizer-scale": "building robust memorizers and proving their claims, as N and d grow",
    "pictures": "what constructed networks compute in the plane: the figures of the docs",
    "radius-scaling": "exact radii against the number of clusters and the dimension, with the predicted slopes",
    "robust-overfitting": "adversarial training on few samples: robust accuracy on train and test, with proofs",
    "speed": "bounds and radii against auto_LiRPA, in ratios measured in one run",
    "verifiers": "complete verifiers on digits: ours, integer programs, Marabou; verdicts compared, times, batching",
    "training-dynamics": "the coefficients of features while training, with the growth law, and the radius meanwhile",
}


WITHOUT_DATA = frozenset(
    {
        "bounds-and-counts",
        "constructed-vs-trained",
        "exact-radii",
        "pictures",
        "radius-scaling",
        "training-dynamics",
        "verifiers",
    }
)
"""Benchmarks that make their own data."""


def main(argv: list[str] | None = None) -> int:
    """Runs a benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="the benchmarks")
    run = commands.add_parser("run", help="run one")
    run.add_argument("name", choices=sorted(NAMES))
    run.add_argument(
        "--data", default=None, help="folder with MNIST or CIFAR-10, or with folders mnist, cifar10; default: digits"
    )
    run.add_argument(
        "--size",
        choices=("small", "full", "large"),
        default="full",
        help="small: fewer repetitions and nets; large: for a GPU (radius-scaling)",
    )
    run.add_argument(
        "--seconds", type=float, default=None, help="verifiers: the limit for one question and tool (60; small: 5)"
    )
    run.add_argument(
        "--rows", type=int, nargs="+", default=None, metavar="N", help="verifiers: these rows of the table only, from 1"
    )
    run.add_argument("-o", "--out", type=Path, default=Path("runs/bench"), help="folder for the results")
    asked = parser.parse_args(argv)
    if asked.command == "list":
        for name, what in NAMES.items():
            print(f"{name:22} {what}")
        return 0
    own = {"seconds": asked.seconds, "rows": asked.rows}
    own = {name: value for name, value in own.items() if value is not None}
    if own and asked.name != "verifiers":
        parser.error(f"--{next(iter(own))} is for verifiers, not for {asked.name}")
    if asked.seconds is not None and not asked.seconds > 0:
        parser.error(f"--seconds {asked.seconds:g}: a positive number is needed")
    if asked.data is not None and asked.name in WITHOUT_DATA:
        parser.error(f"{asked.name} needs no --data")
    if asked.size == "large" and asked.name != "radius-scaling":
        parser.error(f"--size large is for radius-scaling, not for {asked.name}")
    try:
        tables.folder(asked.out)
        importlib.import_module(f"benchmarks.{asked.name.replace('-', '_')}").run(
            asked.out, data=asked.data, size=asked.size, **own
        )
    except CertifyError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
