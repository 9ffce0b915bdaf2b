"""Prints the table of docs/measurements.md: ``python -m tests.real.measure DATA METHOD [NET ...]``."""

import sys
from pathlib import Path

import numpy as np
import torch

from tests.real.mnist_fc import NETS, brackets, instances


def line(folder: Path, net: str, method: str) -> str:
    """One net's row: how many published verdicts our brackets decide, the medians of both sides, seconds."""
    timed = brackets(folder, net, method)
    mine = [(x, timed.answers[x.image]) for x in instances(folder) if x.net == net]
    proved = [(answer.lower >= x.nominal, answer.upper <= x.nominal) for x, answer in mine if x.verdict == "unsat"]
    broken = [(answer.lower >= x.nominal, answer.upper <= x.nominal) for x, answer in mine if x.verdict == "sat"]
    sides = [(answer.lower, answer.upper) for answer in timed.answers.values()]
    lower, upper = np.median(sides, axis=0)
    ratio = np.median([high / low for low, high in sides])
    return (
        f"| {net} | {method} | {sum(low for low, _ in proved)} of {len(proved)} | {sum(up for _, up in broken)} of "
        f"{len(broken)} | {sum(up for _, up in proved)}, {sum(low for low, _ in broken)} | {lower:.4f} | {upper:.4f} | "
        f"{ratio:.2f} | {timed.seconds:.1f} |"
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    data, chosen, *nets = sys.argv[1:]
    for name in nets or NETS:
        sys.stdout.write(line(Path(data), name, chosen) + "\n")
        sys.stdout.flush()
