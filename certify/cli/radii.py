"""``python -m certify MODEL --data SPEC``: certified radii of a saved model."""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from certify.cli import numbers

_TEXT = """\
Certified radii of a saved ReLU network: for each input a bracket lower <= r* <= upper around the largest perturbation
that cannot change the prediction. The lower side is proved, the upper one is a counterexample checked exactly.
"""
_MORE = """\
other commands:
  python -m certify inspect MODEL    what is in a model file, and what would be refused and why
  python -m certify demo             train a small classifier, save it, certify the saved file
  python -m certify verify QUERY     sat, unsat, unknown or timed-out, of a VNN-LIB query (1.0 or 2.0)
  python -m certify instances FILE   the same for every line of a benchmark's instances.csv, in parallel, resumable
  python -m certify supports         what of VNN-LIB is supported

Numbers may be fractions: --max-radius 8/255. Radii are in the units of the raw data, before --mean and --std.
exit codes: 0 done, 1 some inputs failed, 2 bad usage or input, 3 unsupported model, 4 self-check failed,
130 interrupted (finished inputs are kept; go on with --resume)

example: python -m certify net.onnx --data mnist:DIR --index 0:100 --norm inf --domain 0,1 --out runs/net
"""
_METHODS = "auto|exact|milp|scip|ibp|crown|alpha|lp|auto-lirpa|lipschitz"


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    made = argparse.ArgumentParser(
        prog="python -m certify",
        description=_TEXT,
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("model", metavar="MODEL", help=".safetensors, .onnx, .onnx.gz, .pt, .pth or .pt2")
    add = made.add_argument_group("what").add_argument
    add("--data", required=True, metavar="SPEC", help="digits, mnist:DIR, cifar10:DIR, F.npz, X.npy,Y.npy or F.csv")
    add("--index", metavar="0:100", help="which inputs: a number, START:STOP[:STEP], or several with commas (all)")
    add("--norm", default="2", metavar="inf|2|1", help="the norm that measures a perturbation (2)")
    add("--domain", type=numbers.interval, metavar="0,1|none", help="box in which inputs live, in raw units (none)")
    add("--max-radius", type=numbers.number, default=math.inf, metavar="R", help="look no further than R (inf)")
    add_model_options(made)
    add = made.add_argument_group("how").add_argument
    add("--method", default="auto", metavar=_METHODS, help="the bounds (auto)")
    add("--tolerance", type=numbers.number, default=1e-3, metavar="T", help="relative precision of a radius (1e-3)")
    add("--seconds", type=numbers.number, default=math.inf, metavar="S", help="time limit per input (none)")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to search (auto)")
    add("--seed", type=numbers.whole, default=0, metavar="S", help="seed of the attacks (0)")
    add = made.add_argument_group("output").add_argument
    add("--out", type=Path, metavar="RUN", help="a new folder (runs/MODEL-DATA-NORM, numbered)")
    add("--resume", action="store_true", help="continue the run in --out")
    add("--json", action="store_true", help="print one JSON object per input on stdout, all else on stderr")
    return made


def add_model_options(made: argparse.ArgumentParser) -> None:
    """Adds the options that say how a model file is to be read."""
    add = made.add_argument_group("how the model reads its input").add_argument
    add("--mean", type=numbers.numbers, metavar="M[,M..]", help="mean that its training subtracted, per channel")
    add("--std", type=numbers.numbers, metavar="S[,S..]", help="standard deviation that its training divided by")
    add("--arch", metavar="FILE.py:FUNCTION", help="function that builds the torch module of a state dict; it is run")
    add("--input-shape", type=numbers.shape, metavar="1,28,28", help="shape of one input, where the file does not say")


def main(arguments: Sequence[str]) -> int:
    """Reads the arguments, certifies, and returns the exit code."""
    given = parser().parse_args(arguments)
    from certify.cli import request as asked  # numpy and torch come in here, after --help and mistyped options
    from certify.cli import session

    request = asked.Request(
        model=given.model,
        data=given.data,
        index=given.index,
        norm=given.norm,
        method=given.method,
        domain=given.domain,
        max_radius=given.max_radius,
        tolerance=given.tolerance,
        seconds=given.seconds,
        device=given.device,
        seed=given.seed,
        reading=asked.Reading(given.arch, given.mean, given.std, given.input_shape),
        out=given.out,
        resume=given.resume,
        json=given.json,
        command=tuple(arguments),
    )
    return session.certify_file(request, out=sys.stdout, log=sys.stderr if given.json else sys.stdout)
