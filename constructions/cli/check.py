"""``python -m constructions check FILE``."""

import argparse
from collections.abc import Sequence

from constructions.cli.evidence import report
from constructions.files import load
from constructions.origin import Origin


def main(arguments: Sequence[str]) -> int:
    """Proves every claim that the file carries, from the weights in it; 1 when one of them fails."""
    parser = argparse.ArgumentParser(
        prog="python -m constructions check", description="Proves every claim that a saved construction carries."
    )
    parser.add_argument("file", help="a file that `python -m constructions build` saved")
    parser.add_argument("--data", metavar="SPEC", help="where its data is now, if that has moved")
    parser.add_argument("--index", metavar="0:100", help="which of that data")
    options = parser.parse_args(arguments)
    origin = Origin(options.data, options.index) if options.data else None
    sound = report(load(options.file, origin=origin))
    print("every claim is proved" if sound else "NOT every claim is proved")
    return 0 if sound else 1
