import json
from collections.abc import Callable

import onnx
import pytest
from onnx import TensorProto, helper

from tests.cli.conftest import Place
from tests.run.fakes import tiny_network

Certify = Callable[..., tuple[int, str, str]]


def sigmoid_model(place: Place) -> str:
    """An ONNX file with an op that is no ReLU network's."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Sigmoid", ["x"], ["y"], name="squash")], "g", ends[:1], ends[1:])
    path = place.folder / "sigmoid.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return str(path)


def test_a_model_that_can_be_certified_is_described(place: Place, certify: Certify) -> None:
    code, out, err = certify("inspect", str(place.folder / "net.safetensors"))
    assert (code, err) == (0, "")
    assert tiny_network().digest in out
    assert "safetensors" in out
    assert out.endswith("can be certified\n")


def test_a_refused_op_is_named_and_makes_the_exit_code_3(place: Place, certify: Certify) -> None:
    path = sigmoid_model(place)
    code, out, _ = certify("inspect", path)
    assert code == 3
    assert "REFUSED" in out
    assert "Sigmoid" in out
    assert out.endswith("cannot be certified\n")
    code, _, err = certify(path, "--data", "digits")
    assert code == 3
    assert err.startswith("error: ")
    assert "Sigmoid" in err


def test_an_inspection_can_be_read_by_programs(place: Place, certify: Certify) -> None:
    code, out, _ = certify("inspect", "--json", str(place.folder / "net.safetensors"))
    found = json.loads(out)
    assert code == 0
    assert found["digest"] == tiny_network().digest
    assert found["counts"]["dense"] == 9
    assert found["widths"] == [2, 3]
    assert found["refused"] == []


@pytest.mark.parametrize("content", [b"", b"\x80\x02cos\nsystem\n(S'echo'\ntR.", b"PK\x03\x04broken", b"hello there"])
def test_a_broken_file_makes_the_exit_code_2(place: Place, certify: Certify, content: bytes) -> None:
    path = place.folder / "broken.pt"
    path.write_bytes(content)
    for words in (["inspect", str(path)], [str(path), "--data", "digits"]):
        code, _, err = certify(*words)
        assert code == 2
        assert err.startswith("error: ")
        assert "Traceback" not in err
        assert len(err.splitlines()) == 1
