"""The audit of a network against the theorems, and how a model is read."""

import json
import subprocess
import sys
from fractions import Fraction
from math import prod
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from bounds import growth
from bounds.audit import ModelCounts, audit, capacity
from bounds.cli import inspect_model
from bounds.cli.inspect_model import counts_of, read_counts
from bounds.errors import InvalidInput, ModelNotRead
from bounds.evaluate import read_letter
from bounds.interval import Interval
from bounds.table import Missing, Number, Text
from bounds.values import Enclosed
from certify.io.writers import save
from certify.network import Affine, Network, ReLU

DESCRIPTION = {
    "format": "onnx",
    "input_shape": [1, 20],
    "output_width": 1,
    "counts": {"nnz": 4000, "dense": 4401, "units": 200, "depth": 2},
    "widths": [20, 200, 1],
    "digest": "0",
    "ops": {"Affine": 2, "ReLU": 1},
    "refused": [],
}


def letters(**values: object) -> dict[object, object]:
    return dict(read_letter(name, value) for name, value in values.items())


def test_a_plain_chain_is_read_with_its_widths() -> None:
    assert counts_of(DESCRIPTION) == ModelCounts(
        inputs=20, nnz=4000, dense=4401, units=200, depth=2, widths=(20, 200, 1)
    )


def test_widths_may_leave_out_the_input() -> None:
    assert counts_of(DESCRIPTION | {"widths": [200, 1]}).widths == (20, 200, 1)


def test_widths_that_do_not_explain_the_count_are_not_taken_for_a_chain() -> None:
    assert counts_of(DESCRIPTION | {"widths": [20, 100, 1]}).widths == ()


def test_a_model_with_refused_parts_is_not_audited() -> None:
    with pytest.raises(ModelNotRead, match="Softmax"):
        counts_of(DESCRIPTION | {"refused": ["Softmax at node 7"]})


def test_what_certify_says_about_an_unreadable_model_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = subprocess.CompletedProcess([], 2, stdout="", stderr="error: There is no file x.onnx")
    monkeypatch.setattr(inspect_model.subprocess, "run", lambda *_, **__: answer)
    with pytest.raises(ModelNotRead, match=r"no file x\.onnx"):
        read_counts("x.onnx")


def test_a_description_of_another_form_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("not json", json.dumps({"counts": {}}), json.dumps([1])):
        answer = subprocess.CompletedProcess([], 0, stdout=text, stderr="")
        monkeypatch.setattr(inspect_model.subprocess, "run", lambda *_, answer=answer, **__: answer)
        with pytest.raises(ModelNotRead):
            read_counts("x.onnx")


def test_a_small_network_is_excluded_from_the_hard_set_and_a_worst_case_says_so() -> None:
    rows = audit(counts_of(DESCRIPTION), letters(N=1000, eps="1/10", delta="1/20", c="1/2", alpha="1/10"), "inf").rows
    hard = next(row for row in rows if row[0] == Text("hard-set.lower"))
    assert isinstance(hard[1], Number)
    assert hard[1].value.lower == 17988077
    assert isinstance(hard[3], Text)
    assert "Fewer" in hard[3].text
    assert "says nothing of this data set" in hard[3].text
    last = rows[-1][3]
    assert isinstance(last, Text)
    assert last.text.startswith("No weights make it robust")


def test_a_theorem_whose_hypotheses_fail_says_nothing_and_why() -> None:
    rows = audit(counts_of(DESCRIPTION), letters(N=1000, eps="1/10", delta="1/100"), "inf").rows
    training = next(row for row in rows if row[0] == Text("robust-training.inf.lower"))
    assert isinstance(training[1], Missing)
    assert isinstance(training[3], Text)
    assert training[3].text.startswith("Says nothing here.")
    assert "at least 1/2" in training[3].text


def test_the_capacity_of_an_architecture_is_the_smallest_of_the_bounds_that_apply() -> None:
    model = counts_of(DESCRIPTION)
    for points in (10, 10**5, 10**9):
        at = Interval.of(points, 256)
        found = Enclosed.of(capacity(model, at))
        assert found.lower <= points
        state = growth.state_growth(4401, 200, Fraction(points), 256)
        assert found.lower <= Enclosed.of(state).upper
    small = ModelCounts(inputs=2, nnz=17, dense=17, units=4, depth=2, widths=(2, 4, 1))
    assert Enclosed.of(capacity(small, Interval.of(228, 256))).upper == 228
    assert Enclosed.of(capacity(small, Interval.of(229, 256))).upper < 229


def test_the_audit_runs_on_a_saved_network(tmp_path: Path) -> None:
    weights = [("w", (20, 200)), ("b", (200,)), ("v", (200, 1)), ("c", (1,))]
    tensors = [helper.make_tensor(name, TensorProto.FLOAT, shape, [1.0] * prod(shape)) for name, shape in weights]
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "v", "c"], ["y"]),
    ]
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, width])] for name, width in (("x", 20), ("y", 1))
    ]
    graph = helper.make_graph(nodes, "g", ends[0], ends[1], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    command = [sys.executable, "-m", "bounds", "table", "--model", str(tmp_path / "net.onnx"), "--separation", "1/4"]
    answer = subprocess.run([*command, "--set", "N=100", "delta=0.1"], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert "20 inputs, 4401 non-zero of 4401 parameters, 200 ReLUs and 2 affine maps" in answer.stdout
    assert "No weights make it robust on every labelling of the hard set" in answer.stdout


def test_the_audit_measures_the_data_it_is_given(tmp_path: Path) -> None:
    points = np.array([[0.0, 0.0], [0.0, 1.0], [0.75, 0.0], [1.0, 1.0]])
    np.savez(tmp_path / "data.npz", points=points, labels=np.array([0, 0, 1, 1]))
    network = Network.chain([Affine(np.ones((3, 2)), np.ones(3)), ReLU(3), Affine(np.ones((1, 3)), np.zeros(1))])
    save(network, tmp_path / "net.onnx")
    command = [sys.executable, "-m", "bounds", "table", "--model", str(tmp_path / "net.onnx")]
    command += ["--data", str(tmp_path / "data.npz"), "--set", "delta=1/8"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert "data.npz: N=4, eps=3/8" in answer.stdout
    assert "at most 29" in answer.stdout  # n (6d + 2) + 1 with n = d = 2


def test_a_model_that_is_not_of_the_datas_dimension_is_refused() -> None:
    letters = dict(read_letter(name, value) for name, value in {"N": "4", "d": "3", "eps": "1/8"}.items())
    with pytest.raises(InvalidInput, match="The model reads 2 numbers, the data has 3 a point"):
        audit(ModelCounts(inputs=2, nnz=17, dense=17, units=4, depth=2), letters, "inf")


def test_a_model_that_is_not_there_exits_with_three(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "bounds",
        "table",
        "--model",
        str(tmp_path / "none.onnx"),
        "--set",
        "N=10",
        "eps=1/8",
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 3
    assert "certify could not inspect" in answer.stderr
