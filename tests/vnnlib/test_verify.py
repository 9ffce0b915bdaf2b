"""`python -m certify verify` and `supports` as a competition sees them: first line, assignment, exit code."""

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx.defs
import pytest
import torch

from certify.cli.main import main
from certify.io.writers import save
from certify.network import Affine, Network, ReLU

Run = Callable[..., tuple[int, str, str]]
HEAD = "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)\n"
BOX = "(assert (>= X_0 -1))(assert (<= X_0 1))(assert (>= X_1 -1))(assert (<= X_1 1))\n"
TWO = "(vnnlib-version <2.0>)(declare-network f (declare-input A Real [2]) (declare-output B Real [1]))\n"
TWO_BOX = "(assert (>= A[0] -1.0))(assert (<= A[0] 1.0))(assert (>= A[1] -1.0))(assert (<= A[1] 1.0))\n"
PAIR = TWO + "(declare-network g (equal-to f) (declare-input C Real [2]) (declare-output D Real [1]))" + TWO_BOX
PAIR_BOX = PAIR + TWO_BOX.replace("A[", "C[")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds ``abs.onnx``, |x0| + |x1|, and ``other.onnx``, twice that."""
    weight = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    for name, factor in (("abs", 1.0), ("other", 2.0)):
        ops = [Affine(weight, np.zeros(4)), ReLU(4), Affine(np.full((1, 4), factor), np.zeros(1))]
        save(Network.chain(ops), tmp_path / f"{name}.onnx")
    return tmp_path


@pytest.fixture
def verify(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Verifies a query given as text: exit code, standard output and error."""

    def run(text: str, *words: str) -> tuple[int, str, str]:
        (folder / "q.vnnlib").write_text(text)
        code = main(["verify", str(folder / "q.vnnlib"), *(word.replace("@", f"{folder}/") for word in words)])
        return code, *capsys.readouterr()

    return run


def test_a_gpu_that_is_not_there_is_refused(verify: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    words = (HEAD + BOX + "(assert (<= Y_0 -0.001))", "--network", "@abs.onnx", "--device")
    code, out, err = verify(*words, "cuda")
    assert (code, out) == (2, "")
    assert "Device cuda: torch sees no GPU here." in err
    assert verify(*words, "auto")[:2] == (0, "unsat\n")


def test_an_unreachable_set_is_unsat(verify: Run) -> None:
    assert verify(HEAD + BOX + "(assert (<= Y_0 -0.001))", "--network", "N=@abs.onnx")[:2] == (0, "unsat\n")
    assert verify(HEAD + BOX + "(assert (>= Y_0 2.001))", "--network", "@abs.onnx")[:2] == (0, "unsat\n")


def test_a_solution_is_printed_in_the_format_of_version_1_and_holds_exactly(verify: Run) -> None:
    code, out, err = verify(HEAD + BOX + "(assert (>= Y_0 1.9))", "--network", "N=@abs.onnx")
    verdict, rest = out.split("\n", 1)
    numbers = {name: Fraction(number) for name, number in re.findall(r"\((\w+) (-?[\d.]+)\)", rest)}
    assert (code, verdict, err) == (0, "sat", "")
    assert rest.startswith("((X_0 ")
    assert rest.endswith("))\n")
    assert max(abs(numbers["X_0"]), abs(numbers["X_1"])) <= 1
    assert numbers["Y_0"] == abs(numbers["X_0"]) + abs(numbers["X_1"]) >= Fraction(19, 10)


def test_a_solution_is_printed_in_the_format_of_version_2(verify: Run) -> None:
    code, out, _ = verify(TWO + TWO_BOX + "(assert (>= B[0] 1.9))", "--network", "f=@abs.onnx")
    lines = out.splitlines()
    assert (code, lines[0], lines[1], lines[4]) == (0, "sat", "A Real [2]", "B Real [1]")
    assert Fraction(lines[5]) == abs(Fraction(lines[2])) + abs(Fraction(lines[3]))
    assert len(lines) == 6


def test_two_networks_are_compared(verify: Run) -> None:
    differ = "(assert (>= B[0] (+ D[0] 0.001)))"
    far = "(assert (>= B[0] (+ D[0] 2.001)))"
    assert verify(PAIR_BOX + far, "--network", "f=@abs.onnx")[:2] == (0, "unsat\n")
    code, out, _ = verify(PAIR_BOX + differ, "--network", "f=@abs.onnx")
    assert (code, out.split("\n")[0]) == (0, "sat")
    other = PAIR_BOX.replace("equal-to", "isomorphic-to") + "(assert (>= (* 2 B[0]) (+ D[0] 0.5)))"
    code, out, _ = verify(other, "--network", "f=@abs.onnx", "--network", "g=@other.onnx")
    assert (code, out.split("\n")[0]) == (0, "sat")


def test_a_time_limit_of_zero_is_timed_out(verify: Run) -> None:
    code, out, err = verify(HEAD + BOX + "(assert (<= Y_0 -0.1))", "--network", "N=@abs.onnx", "--timeout", "0")
    assert (code, out) == (0, "timed-out\n")
    assert "time ran out" in err


def test_what_hangs_by_a_tie_is_unknown(verify: Run) -> None:
    code, out, err = verify(HEAD + BOX + "(assert (< Y_0 0))", "--network", "N=@abs.onnx", "--timeout", "20")
    assert (code, out) == (0, "unknown\n")
    assert "neither proved positive nor broken" in err


@pytest.mark.parametrize(
    ("text", "words", "code", "message"),
    [
        (HEAD + BOX, (), 2, "--network NAME=PATH"),
        (HEAD + BOX, ("--network", "N="), 2, "no path"),
        (HEAD + BOX, ("--network", "N=@abs.onnx", "--network", "N=@abs.onnx"), 2, "N is given twice"),
        (HEAD + BOX, ("--network", "N=@abs.onnx", "--network", "M=@abs.onnx"), 2, "knows no network 'M'"),
        (HEAD + BOX, ("--network", "N=@no.onnx"), 2, "There is no file"),
        (HEAD + BOX, ("--network", "N=@q.vnnlib"), 2, "in no format that can be read"),
        (HEAD + BOX, ("--network", "N=@abs.onnx", "--timeout", "-1"), 2, "time limit"),
        (HEAD + "(declare-const X_2 Real)" + BOX, ("--network", "N=@abs.onnx"), 2, "X is declared with 3 numbers"),
        (HEAD + "(declare-const Y_1 Real)" + BOX, ("--network", "N=@abs.onnx"), 2, "Y is declared with 2 numbers"),
        (HEAD + BOX + "(assert (<= Y_0 0)", ("--network", "N=@abs.onnx"), 2, "q.vnnlib, line 3, column 1: "),
        (HEAD + BOX + "(assert (<= X_0 -2))", ("--network", "N=@abs.onnx"), 2, "leave no input"),
        (HEAD + BOX + "(assert (>= (+ X_0 X_1) 2.5))", ("--network", "N=@abs.onnx"), 2, "leave no input in any case"),
        (HEAD + "(assert (<= Y_0 0))", ("--network", "N=@abs.onnx"), 2, "X_0 has no lower bound"),
        (TWO + TWO_BOX, ("--network", "g=@abs.onnx"), 2, "knows no network 'g'; it is about f"),
        (PAIR_BOX, ("--network", "g=@abs.onnx"), 2, "needs the network f"),
        (PAIR_BOX, ("--network", "@abs.onnx"), 2, "needs its networks by name"),
        (PAIR_BOX, ("--network", "f=@abs.onnx", "--network", "g=@other.onnx"), 2, "declared equal to f"),
        (TWO.replace("Real", "float32") + TWO_BOX, ("--network", "f=@abs.onnx"), 3, "declare A as Real"),
        (TWO.replace("[2]", "[2] initialized") + TWO_BOX, ("--network", "f=@abs.onnx"), 3, "initialized"),
    ],
)
def test_a_mistake_prints_no_verdict(verify: Run, text: str, words: tuple[str, ...], code: int, message: str) -> None:
    found, out, err = verify(text, *words)
    assert (found, out) == (code, "")
    assert err.startswith("error: ")
    assert message in err


def test_an_unsupported_op_ends_with_code_3(verify: Run, folder: Path) -> None:
    proto = onnx.load(folder / "abs.onnx")
    next(node for node in proto.graph.node if node.op_type == "Relu").op_type = "Sin"
    onnx.save(proto, folder / "sin.onnx")
    code, out, err = verify(HEAD + BOX, "--network", "N=@sin.onnx")
    assert (code, out) == (3, "")
    assert "Sin" in err


def test_a_shape_with_other_axes_than_the_models_is_refused(verify: Run, folder: Path) -> None:
    ops = [Affine(np.ones((1, 4)), np.zeros(1))]
    save(Network.chain(ops, input_shape=(2, 2)), folder / "square.onnx")
    text = "(vnnlib-version <2.0>)(declare-network f (declare-input A Real @) (declare-output B Real []))"
    bounds = "(assert (<= A[0,0] 1.0))"
    for shape in ("[1,4]", "[4,1]"):
        assert "has no lower bound" in verify(text.replace("@", shape) + bounds, "--network", "f=@square.onnx")[2]
    fitting = verify(text.replace("@", "[2,2]") + bounds, "--network", "f=@square.onnx")[2]
    assert "A[0,0] has no lower bound" in fitting


@pytest.mark.parametrize(
    ("capability", "lines"),
    [
        ("vnnlib-versions", ["1.0", "2.0"]),
        ("onnx-element-types", ["real"]),
        ("onnx-opset-versions", ["9", str(onnx.defs.onnx_opset_version())]),
        ("hidden-node-theories", ["NH"]),
        ("multiple-input-output-theories", ["SIO"]),
        ("multiple-network-theories", ["SNET", "MENET", "MINET", "MNET"]),
        ("multiple-node-comparison-theories", ["SNC", "MNC"]),
        ("arithmetic-complexity-theories", ["BND", "OUTC", "LIN"]),
        ("optimised-disjunctive-reasoning", ["false"]),
        ("serialise-assignments", ["false"]),
    ],
)
def test_a_capability_is_told_line_by_line(
    capability: str, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["supports", f"--{capability}"]) == 0
    assert capsys.readouterr().out.split("\n") == [*lines, ""]


def test_the_operators_are_those_that_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["supports", "--onnx-operators"]) == 0
    assert {"Conv", "Gemm", "MatMul", "Relu", "Add"} <= set(capsys.readouterr().out.split())
