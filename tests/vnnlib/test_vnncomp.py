"""Published instances of VNN-COMP 2022: our verdicts against the trusted ones."""

import csv
import time
from pathlib import Path

import pytest

from certify.deadline import Deadline
from certify.io.models import load
from certify.io.vnnlib.reader import read
from certify.solvers.decision import Satisfied, Undecided, Unsatisfiable, decide

MNIST, ACAS = "mnist-net_256x{}", "ACASXU_run2a_{}_batch_2000"
SAMPLE = [
    *((MNIST.format(2), f"prop_{k}") for k in ("0_0.03", "1_0.05", "12_0.03", "13_0.05")),
    *((MNIST.format(4), f"prop_{k}") for k in ("1_0.05", "5_0.03")),
    (MNIST.format(6), "prop_1_0.05"),
    *((ACAS.format(k), "prop_2") for k in ("1_4", "1_5", "2_7", "5_3", "5_4")),
    *((ACAS.format(k), "prop_3") for k in ("1_7", "3_1", "5_7")),
    *((ACAS.format(k), "prop_4") for k in ("1_6", "3_4")),
    (ACAS.format("4_2"), "prop_1"),
]
MUST = {"prop_1", "prop_0_0.03", "prop_1_0.05", "prop_12_0.03", "prop_13_0.05", "prop_2", "prop_3", "prop_4"}


def truth(folder: Path) -> dict[tuple[str, str], str]:
    """The trusted verdicts by the stems of network and query."""
    with (folder / "vnncomp2022" / "verdicts.csv").open(newline="") as file:
        return {(Path(r["onnx"]).stem, Path(r["vnnlib"]).stem): r["resolved"] for r in csv.DictReader(file)}


@pytest.mark.parametrize(("network", "prop"), SAMPLE)
def test_no_verdict_contradicts_the_published_one_and_the_easy_ones_are_there(
    network: str, prop: str, data_dir: Path
) -> None:
    bench = data_dir / "vnncomp2022" / "benchmarks" / ("acasxu" if network.startswith("ACAS") else "mnist_fc")
    model = load(bench / "onnx" / f"{network}.onnx")
    query = read(bench / "vnnlib" / f"{prop}.vnnlib")
    seconds = 60.0 if prop in MUST and network != MNIST.format(6) else 3.0
    decision = decide(query, model.network, Deadline.after(seconds, time.monotonic), replay=model.replay)
    verdict = truth(data_dir)[network, prop]
    match decision:
        case Satisfied(solution):
            assert verdict == "sat"
            assert query.is_solution(solution.inputs, solution.outputs)
        case Unsatisfiable():
            assert verdict == "unsat"
        case Undecided():
            assert prop not in MUST or network == MNIST.format(6)
