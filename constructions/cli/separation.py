"""``python -m constructions separation --data SPEC``: how far apart the classes are, and which radii that admits."""

import argparse
import json
import sys
from collections.abc import Sequence
from fractions import Fraction

from certify.errors import InvalidInput
from certify.io.datasets import load_points
from certify.region import Norm
from certify.rounding import print_ceil, print_floor
from constructions.dyadic import rational
from constructions.separation import ClosestPair, Plan, Separation, between, measure
from constructions.separation.closest import Effort


def main(arguments: Sequence[str]) -> int:
    """Prints the closest pairs within and between classes, exactly found, and what radii they admit."""
    options = _parser().parse_args(arguments)
    norm = Norm.parse(options.norm)
    delta = None if options.delta is None else rational(options.delta, "--delta")
    if delta is not None and delta < 0:
        raise InvalidInput(f"A radius must be a number >= 0, got {options.delta}.")
    plan = Plan.fastest() if options.device == "auto" else Plan(device=options.device)
    train = load_points(options.data, None, index=options.index)
    if options.test is None:
        found = measure(train.points, train.labels, norm, same_class=options.same, plan=plan)
        what = f"{len(train)} points of {train.points.shape[1]} numbers in {options.data}"
    else:
        test = load_points(options.test, None)
        sets = (train.points, train.labels), (test.points, test.labels)
        found = between(*sets, norm, same_class=options.same, plan=plan)
        what = f"{len(train)} points in {options.data} against {len(test)} in {options.test}"
    if options.json:
        print(json.dumps(_facts(found, train.points.shape)))
        return 0
    print(f"{what}, {norm}")
    _print(found, delta)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m constructions separation",
        description="Exact minimum distances between (and within) the classes of a data set (yang2020).",
    )
    parser.add_argument(
        "--data", required=True, metavar="SPEC", help="labelled points: digits, mnist-train:DIR, FILE.npz"
    )
    parser.add_argument("--index", metavar="0:100", help="which of them")
    parser.add_argument("--test", metavar="SPEC", help="another set: distances from its points to those of --data")
    parser.add_argument("--norm", default="inf", help="inf, 2 or 1")
    parser.add_argument(
        "--delta", metavar="RADIUS", help="an attack radius, to be compared with the largest admissible"
    )
    parser.add_argument("--same", action="store_true", help="also the closest pair within a class")
    parser.add_argument("--json", action="store_true", help="one object for programs instead")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    return parser


def _facts(found: Separation, shape: tuple[int, ...]) -> dict[str, object]:
    """What a program wants; ``epsilon`` is rational, exact for l1 and linf and rounded down for l2."""
    epsilon = Fraction(found.epsilon) if found.norm is Norm.L2 else found.exact_epsilon
    pair = [found.cross.first, found.cross.second]
    return {"points": shape[0], "width": shape[1], "norm": found.norm.short, "epsilon": str(epsilon), "pair": pair}


def _print(found: Separation, delta: Fraction | None) -> None:
    print(f"  different labels: {_pair(found.cross)}")
    if found.same is not None:
        print(f"  equal labels:     {_pair(found.same)}")
    print(f"  epsilon (half the distance between classes): {print_floor(found.epsilon)}")
    print(f"  largest admissible delta: {print_floor(found.largest_radius)} (every delta < epsilon)")
    if delta is not None:
        verdict = "admissible" if found.admissible(delta) else "too large: balls of different classes would touch"
        print(f"  delta = {float(delta):g}: delta/epsilon = {print_ceil(found.ratio(delta), 4)}, {verdict}")
    print(f"  {_effort(found.effort)}", file=sys.stderr)


def _pair(pair: ClosestPair) -> str:
    return f"distance {print_floor(pair.lower)}..{print_ceil(pair.upper)}, points {pair.first} and {pair.second}"


def _effort(effort: Effort) -> str:
    return (
        f"{effort.pairs:,} pairs: {effort.by_products:,} decided by matrix products, {effort.directly:,} directly, "
        f"{effort.exactly:,} of these in integers"
    )
