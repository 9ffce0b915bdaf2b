"""``python -m certify verify QUERY.vnnlib``: sat, unsat, unknown or timed-out, as verifiers in competitions answer."""

import argparse
import math
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from certify.cli import numbers
from certify.deadline import Deadline
from certify.errors import InvalidInput

_TEXT = """\
Answers a VNN-LIB query (1.0 or 2.0) about a saved network. The first line on standard output is sat, unsat, unknown or
timed-out; after sat comes the assignment, checked in exact arithmetic and replayed on the original file. All else goes
to standard error. unsat is proved with every rounding error bounded.
"""
_MORE = """\
exit codes: 0 answered, whatever the verdict; 2 bad usage or input; 3 unsupported model or query; 4 self-check failed

example: python -m certify verify prop_1.vnnlib --network N=net.onnx --timeout 60
"""


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    made = argparse.ArgumentParser(
        prog="python -m certify verify",
        description=_TEXT,
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("query", metavar="QUERY", type=Path, help=".vnnlib or .vnnlib.gz")
    made.add_argument(
        "--network",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="the file of a network of the query, once for each; for one network PATH is enough",
    )
    made.add_argument("--timeout", type=numbers.number, default=math.inf, metavar="S", help="seconds in all (none)")
    made.add_argument("--seed", type=numbers.whole, default=0, metavar="S", help="seed of the attacks (0)")
    made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="cpu", help="where to search (cpu)")
    return made


def main(arguments: Sequence[str]) -> int:
    """Reads the arguments, prints the answer, and returns the exit code."""
    given = parser().parse_args(arguments)
    deadline = Deadline.after(given.timeout, time.monotonic)  # loading the libraries counts
    networks = named_networks(given.network)
    from certify.cli.answering import answer  # numpy and torch come in here, after --help and mistyped options
    from certify.device import find_device

    found = answer(given.query, networks, deadline, seed=given.seed, device=str(find_device(given.device)))
    for remark in found.remarks:
        print(remark, file=sys.stderr)
    print("\n".join(filter(None, (str(found.verdict), found.assignment))))
    return 0


def named_networks(texts: Sequence[str]) -> dict[str, Path]:
    """The files by name that texts ``NAME=PATH`` give; a text without a name has the name ``""``.

    Raises:
        InvalidInput: a name given twice, or no text at all.
    """
    if not texts:
        raise InvalidInput("A query is about a network: give its file as --network NAME=PATH.")
    found: dict[str, Path] = {}
    for text in texts:
        match = re.fullmatch(r"([A-Za-z]\w*)=(.*)", text, re.ASCII | re.DOTALL)
        name, path = match.groups() if match else ("", text)
        if name in found:
            raise InvalidInput(f"--network {text}: {name or 'an unnamed network'} is given twice.")
        if not path:
            raise InvalidInput(f"--network {text}: there is no path.")
        found[name] = Path(path)
    return found
