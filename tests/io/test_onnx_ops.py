"""Every ONNX op: the network agrees with onnxruntime on the file (``load`` compares; this suite compares again)."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from certify.io.models import LoadedModel, load
from certify.network import Conv2d
from tests.io.onnx_models import Form, node, save, weights

Build = Callable[[Path], Path]
F = np.float32


def _chain(path: Path, steps: list[tuple], tensors: dict, shape: list, **more: object) -> Path:
    """Nodes in a row: each step is (op, other inputs, attributes); a Gemm or Flatten needs no names."""
    nodes, last = [], "x"
    for i, (op, others, attributes) in enumerate(steps):
        name = "y" if i == len(steps) - 1 else f"v{i}"
        inputs = [last if o == "_" else o for o in others] if "_" in others else [last, *others]
        nodes.append(node(op, inputs, [name], **attributes))
        last = name
    return save(path, nodes, tensors, shape=shape, **more)


RELU = ("Relu", [], {})
FLAT = ("Flatten", [], {})

IMAGE = [1, 2, 7, 6]
SINGLE: dict[str, tuple[list[tuple], dict, list]] = {
    "gemm": ([("Gemm", ["w", "b"], {"alpha": 0.5, "beta": 2.0, "transB": 1})], weights(w=(3, 4), b=(3,)), ["n", 4]),
    "gemm, constant first": ([("Gemm", ["w", "_"], {"transB": 1})], weights(w=(3, 4)), [1, 4]),
    "gemm, transposed input": ([("Gemm", ["w"], {"transA": 1})], weights(w=(1, 3)), [1, 5]),
    "matmul": ([("MatMul", ["w"], {}), ("Add", ["b"], {}), RELU], weights(w=(4, 3), b=(3,)), [1, 4]),
    "matmul, stacked rows": ([("MatMul", ["w"], {}), RELU, FLAT], weights(w=(4, 3)), [1, 2, 4]),
    "matmul, constant first": ([("MatMul", ["w", "_"], {}), RELU, FLAT], weights(w=(3, 4)), [1, 4, 2]),
    "matmul, vector": ([("MatMul", ["w"], {}), RELU], weights(w=(4,)), [1, 4]),
    "arithmetic": (
        [("Sub", ["b"], {}), ("Mul", ["c"], {}), ("Div", ["d"], {}), ("Neg", [], {}), ("Sub", ["b", "_"], {}), RELU],
        weights(b=(4,), c=(1, 4), d=(1,)),
        [1, 4],
    ),
    "conv": (
        [("Conv", ["w", "b"], {"strides": [2, 1], "pads": [1, 1, 1, 1], "dilations": [1, 2]}), RELU, FLAT],
        weights(w=(4, 2, 3, 2), b=(4,)),
        IMAGE,
    ),
    "conv, unequal padding": (
        [("Conv", ["w"], {"pads": [0, 2, 1, 0], "strides": [2, 2]}), RELU, FLAT],
        weights(w=(4, 2, 3, 3)),
        IMAGE,
    ),
    "conv, unequal padding and dilation": (
        [("Conv", ["w"], {"pads": [0, 1, 1, 0], "dilations": [2, 2]}), RELU, FLAT],
        weights(w=(4, 2, 3, 3)),
        IMAGE,
    ),
    "conv, same upper": (
        [("Conv", ["w"], {"auto_pad": "SAME_UPPER", "strides": [2, 2]}), FLAT],
        weights(w=(4, 2, 3, 3)),
        IMAGE,
    ),
    "conv, same lower": (
        [("Conv", ["w"], {"auto_pad": "SAME_LOWER", "strides": [2, 2]}), FLAT],
        weights(w=(4, 2, 2, 3)),
        IMAGE,
    ),
    "conv, valid": ([("Conv", ["w"], {"auto_pad": "VALID"}), FLAT], weights(w=(4, 2, 3, 3)), IMAGE),
    "conv, groups": ([("Conv", ["w"], {"group": 2}), RELU, FLAT], weights(w=(4, 1, 3, 3)), IMAGE),
    "conv, one axis": ([("Conv", ["w"], {"pads": [1, 0]}), RELU, FLAT], weights(w=(4, 2, 3)), [1, 2, 9]),
    "conv after pad": (
        [("Pad", ["p"], {}), ("Conv", ["w"], {}), RELU, FLAT],
        weights(w=(4, 2, 3, 3)) | {"p": np.array([0, 0, 1, 2, 0, 0, 1, 2])},
        IMAGE,
    ),
    "conv after pad with a number": (
        [("Pad", ["p", "c"], {}), ("Conv", ["w"], {}), FLAT],
        weights(w=(4, 2, 3, 3)) | {"p": np.array([0, 0, 1, 0, 0, 0, 0, 2]), "c": np.array(0.5, F)},
        IMAGE,
    ),
    "cropping pad": ([("Pad", ["p"], {}), FLAT], {"p": np.array([0, 0, -1, 1, 0, 0, -2, 0])}, IMAGE),
    "scaled input before padded conv": (
        [("Sub", ["m"], {}), ("Div", ["s"], {}), ("Conv", ["w"], {"pads": [1, 1, 1, 1]}), RELU, FLAT],
        {"m": np.array([[[0.3]], [[0.1]]], F), "s": np.array([[[0.7]], [[0.3]]], F)} | weights(w=(4, 2, 3, 3)),
        IMAGE,
    ),
    "scaled input before conv": (
        [("Sub", ["m"], {}), ("Div", ["s"], {}), ("Conv", ["w"], {"group": 2}), RELU, FLAT],
        {"m": np.array([[[0.3]], [[0.1]]], F), "s": np.array([[[0.7]], [[0.3]]], F)} | weights(w=(4, 1, 3, 3)),
        IMAGE,
    ),
    "batch norm after conv": (
        [("Conv", ["w"], {}), ("BatchNormalization", ["g", "b", "m", "v"], {"epsilon": 1e-3}), RELU, FLAT],
        weights(w=(4, 2, 3, 3), g=(4,), b=(4,), m=(4,)) | {"v": np.array([0.5, 1, 2, 3], F)},
        IMAGE,
    ),
    "batch norm before gemm": (
        [("BatchNormalization", ["g", "b", "m", "v"], {}), ("Gemm", ["w"], {})],
        weights(w=(4, 3), g=(4,), b=(4,), m=(4,)) | {"v": np.array([0.5, 1, 2, 3], F)},
        [1, 4],
    ),
    "max pool": ([("MaxPool", [], {"kernel_shape": [2, 2], "strides": [2, 2]}), FLAT], {}, IMAGE),
    "max pool, padded, odd": (
        [("MaxPool", [], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}), FLAT],
        {},
        IMAGE,
    ),
    "max pool, ceil": (
        [("MaxPool", [], {"kernel_shape": [3, 2], "strides": [2, 2], "ceil_mode": 1}), FLAT],
        {},
        [1, 2, 8, 7],
    ),
    "max pool, one axis": ([("MaxPool", [], {"kernel_shape": [3], "strides": [2]}), FLAT], {}, [1, 2, 9]),
    "max pool after conv": (
        [("Conv", ["w"], {}), ("MaxPool", [], {"kernel_shape": [2, 3]}), FLAT],
        weights(w=(3, 2, 3, 3)),
        IMAGE,
    ),
    "average pool": ([("AveragePool", [], {"kernel_shape": [2, 3], "strides": [2, 2]}), FLAT], {}, IMAGE),
    "average pool, padding counted": (
        [("AveragePool", [], {"kernel_shape": [3, 3], "pads": [1, 1, 0, 1], "count_include_pad": 1}), FLAT],
        {},
        IMAGE,
    ),
    "average pool, padding not counted": (
        [("AveragePool", [], {"kernel_shape": [3, 3], "pads": [1, 1, 0, 1]}), FLAT],
        {},
        IMAGE,
    ),
    "average pool, ceil": (
        [("AveragePool", [], {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}), FLAT],
        {},
        [1, 2, 7, 5],
    ),
    "global average": ([("GlobalAveragePool", [], {}), FLAT], {}, IMAGE),
    "global max": ([("GlobalMaxPool", [], {}), FLAT], {}, IMAGE),
    "mean over space": ([("ReduceMean", [], {"axes": [2, 3], "keepdims": 0})], {}, IMAGE),
    "sum over space": ([("ReduceSum", ["a"], {}), FLAT], {"a": np.array([-1])}, IMAGE),
    "leaky relu": ([("LeakyRelu", [], {"alpha": 0.125})], {}, [1, 6]),
    "prelu": ([("PRelu", ["s"], {}), FLAT], {"s": np.array([[[0.25]], [[0.5]]], F)}, IMAGE),
    "clip": ([("Clip", ["a", "b"], {})], {"a": np.array(-0.5, F), "b": np.array(0.75, F)}, [1, 6]),
    "absolute": ([("Abs", [], {})], {}, [1, 6]),
    "maximum with a constant": ([("Max", ["c"], {})], weights(c=(6,)), [1, 6]),
    "minimum with a constant": ([("Min", ["c"], {})], weights(c=(6,)), [1, 6]),
    "reshape with 0 and -1": ([("Reshape", ["s"], {}), RELU, FLAT], {"s": np.array([0, -1, 3])}, IMAGE),
    "transpose": ([("Transpose", [], {"perm": [0, 2, 3, 1]}), FLAT, ("MatMul", ["w"], {})], weights(w=(84, 3)), IMAGE),
    "nhwc input": (
        [("Transpose", [], {"perm": [0, 3, 1, 2]}), ("Conv", ["w"], {"pads": [1, 1, 1, 1]}), RELU, FLAT],
        weights(w=(4, 2, 3, 3)),
        ["n", 7, 6, 2],
    ),
    "squeeze and unsqueeze": ([("Unsqueeze", ["a"], {}), ("Squeeze", ["a"], {}), RELU], {"a": np.array([1])}, [1, 6]),
    "slice backwards": (
        [("Slice", ["s", "e", "a", "t"], {}), FLAT],
        {"s": np.array([-1]), "e": np.array([-(2**31)]), "a": np.array([3]), "t": np.array([-2])},
        IMAGE,
    ),
    "gather": ([("Gather", ["i"], {"axis": 1}), FLAT], {"i": np.array([1, 0, 1])}, IMAGE),
    "gather, then gemm": (
        [("Gather", ["i"], {"axis": 1}), ("Gemm", ["w"], {})],
        {"i": np.array([1, 0, 1])} | weights(w=(3, 2)),
        [1, 2],
    ),
    "expand": ([("Expand", ["s"], {}), RELU, FLAT], {"s": np.array([1, 3, 4])}, [1, 1, 4]),
    "identity, dropout, cast": (
        [("Identity", [], {}), ("Dropout", [], {}), ("Cast", [], {"to": onnx.TensorProto.FLOAT}), RELU],
        {},
        [1, 6],
    ),
    "concat with a constant": (
        [("Concat", ["c"], {"axis": 1}), ("Gemm", ["w"], {})],
        weights(c=(1, 2), w=(6, 3)),
        [1, 4],
    ),
    "nothing at all": ([("Identity", [], {})], {}, [1, 6]),
}


@pytest.mark.parametrize("case", SINGLE)
def test_network_agrees_with_onnxruntime(case: str, tmp_path: Path) -> None:
    steps, tensors, shape = SINGLE[case]
    model = load(_chain(tmp_path / "m.onnx", steps, tensors, shape))
    _agrees(model)


def _agrees(model: LoadedModel) -> None:
    points = np.random.default_rng(7).normal(size=(20, model.network.input_width)).astype(F).astype(float)
    assert model.replay is not None
    np.testing.assert_allclose(model.network.evaluate(points), model.replay(points), rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("opset", [9, 13, 18, 21])
def test_every_opset_is_read(opset: int, tmp_path: Path) -> None:
    tensors = weights(w=(4, 2, 3, 3), f=(72, 3), b=(3,))
    axes = {"axes": [0]} if opset < 13 else {}
    tensors |= {} if opset < 13 else {"axes": np.array([0])}
    nodes = [
        node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
        node("Relu", ["c"], ["r"]),
        node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Dropout", ["p"], ["d"]),
        node("Squeeze", ["d", "axes"] if opset >= 13 else ["d"], ["s"], **axes),
        node("Unsqueeze", ["s", "axes"] if opset >= 13 else ["s"], ["u"], **axes),
        node("Flatten", ["u"], ["f0"]),
        node("Gemm", ["f0", "f", "b"], ["y"]),
    ]
    model = load(save(tmp_path / "m.onnx", nodes, tensors, shape=[1, 2, 12, 6], opset=opset))
    _agrees(model)
    assert model.network.count().units == 4 * 12 * 6 + 3 * 4 * 6 * 3


def test_residual_branches_are_added(tmp_path: Path) -> None:
    nodes = [
        node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
        node("BatchNormalization", ["a", "g", "b", "m", "v"], ["n"]),
        node("Relu", ["n"], ["r"]),
        node("Conv", ["r", "w2"], ["c"], pads=[1, 1, 1, 1]),
        node("Add", ["c", "x"], ["s"]),
        node("Relu", ["s"], ["t"]),
        node("Flatten", ["t"], ["y"]),
    ]
    tensors = weights(w=(3, 2, 3, 3), w2=(2, 3, 3, 3), g=(3,), b=(3,), m=(3,)) | {"v": np.ones(3, F)}
    model = load(save(tmp_path / "m.onnx", nodes, tensors, shape=[1, 2, 5, 5]))
    _agrees(model)
    assert [type(n.op).__name__ for n in model.network.nodes] == ["Conv2d", "ReLU", "Conv2d", "Add", "ReLU"]
    assert any("batch" in note.lower() for note in model.notes)


def test_parallel_branches_are_concatenated(tmp_path: Path) -> None:
    nodes = [
        node("Gemm", ["x", "w"], ["a"]),
        node("Relu", ["a"], ["r"]),
        node("Gemm", ["x", "v"], ["b"]),
        node("Concat", ["r", "b", "x", "c"], ["k"], axis=1),
        node("Gemm", ["k", "u"], ["y"]),
    ]
    tensors = weights(w=(4, 3), v=(4, 2), c=(1, 2), u=(11, 3))
    _agrees(load(save(tmp_path / "m.onnx", nodes, tensors, shape=[1, 4])))


def test_split_pieces_are_used_apart(tmp_path: Path) -> None:
    nodes = [
        node("Gemm", ["x", "w"], ["a"]),
        node("Split", ["a"], ["p", "q"], axis=1),
        node("Max", ["p", "q"], ["y"]),
    ]
    _agrees(load(save(tmp_path / "m.onnx", nodes, weights(w=(4, 6)), shape=[1, 4])))


def test_reshape_target_computed_from_the_input_shape_is_folded(tmp_path: Path) -> None:
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Constant", [], ["zero"], value=onnx.numpy_helper.from_array(np.array([0]))),
        node("Gather", ["s", "zero"], ["n"], axis=0),
        node("Constant", [], ["rest"], value=onnx.numpy_helper.from_array(np.array([-1]))),
        node("Concat", ["n", "rest"], ["t"], axis=0),
        node("Reshape", ["x", "t"], ["f"]),
        node("Transpose", ["w"], ["wt"], perm=[1, 0]),
        node("MatMul", ["f", "wt"], ["y"]),
    ]
    _agrees(load(save(tmp_path / "m.onnx", nodes, weights(w=(3, 8)), shape=["n", 2, 4])))


def test_fixed_batch_is_read_as_one_input(tmp_path: Path) -> None:
    nodes = [node("Reshape", ["x", "s"], ["f"]), node("Gemm", ["f", "w"], ["y"])]
    tensors = weights(w=(8, 3)) | {"s": np.array([5, 8])}
    path = save(tmp_path / "m.onnx", nodes, tensors, shape=[5, 2, 4])
    proto = onnx.load(path)
    proto.graph.output[0].type.tensor_type.shape.dim.add().dim_value = 5
    proto.graph.output[0].type.tensor_type.shape.dim.add().dim_value = 3
    onnx.save(proto, path)
    model = load(path)
    assert model.network.input_shape == (2, 4)
    _agrees(model)


def test_initialisers_listed_as_inputs_stay_weights(tmp_path: Path) -> None:
    nodes = [node("Gemm", ["x", "w", "b"], ["y"])]
    model = load(
        save(tmp_path / "m.onnx", nodes, weights(w=(4, 3), b=(3,)), shape=[1, 4], opset=9, form=Form(listed=True))
    )
    _agrees(model)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_weights_of_other_precisions_are_kept_exactly(dtype: type, tmp_path: Path) -> None:
    weight = np.random.default_rng(0).normal(size=(4, 3)).astype(dtype)
    kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    model = load(
        save(tmp_path / "m.onnx", [node("Gemm", ["x", "w"], ["y"])], {"w": weight}, shape=[1, 4], form=Form(kind=kind))
    )
    np.testing.assert_array_equal(model.network.nodes[0].op.weight, weight.T.astype(float))


def test_bias_added_to_a_product_is_not_rounded(tmp_path: Path) -> None:
    tensors = weights(w=(4, 3), b=(3,))
    nodes = [node("MatMul", ["x", "w"], ["p"]), node("Add", ["p", "b"], ["y"])]
    model = load(save(tmp_path / "m.onnx", nodes, tensors, shape=[1, 4]))
    assert model.notes == ()
    op = model.network.nodes[0].op
    np.testing.assert_array_equal(op.weight, tensors["w"].T.astype(float))
    np.testing.assert_array_equal(op.bias, tensors["b"].astype(float))
    assert len(model.network.nodes) == 1


def test_consecutive_affine_maps_stay_separate(tmp_path: Path) -> None:
    nodes = [node("Gemm", ["x", "w"], ["a"]), node("Gemm", ["a", "v"], ["y"])]
    model = load(save(tmp_path / "m.onnx", nodes, weights(w=(4, 3), v=(3, 2)), shape=[1, 4]))
    assert len(model.network.nodes) == 2


def test_zeros_padded_beforehand_become_the_convolutions_padding(tmp_path: Path) -> None:
    steps, tensors, shape = SINGLE["conv after pad"]
    model = load(_chain(tmp_path / "m.onnx", steps, tensors, shape))
    first = model.network.nodes[0].op
    assert isinstance(first, Conv2d)
    assert first.padding == (1, 2)


def test_constant_bias_folding_is_correctly_rounded(tmp_path: Path) -> None:
    from fractions import Fraction

    tensors = weights(w=(4, 3), b=(3,), m=(4,))
    nodes = [node("Sub", ["x", "m"], ["c"]), node("Gemm", ["c", "w", "b"], ["y"])]
    model = load(save(tmp_path / "m.onnx", nodes, tensors, shape=[1, 4]))
    for j, stored in enumerate(model.network.nodes[0].op.bias):
        terms = zip(tensors["w"][:, j], tensors["m"], strict=True)
        exact = Fraction(float(tensors["b"][j])) - sum(Fraction(float(w)) * Fraction(float(m)) for w, m in terms)
        assert stored == float(exact)


@pytest.mark.parametrize(("factors", "exact"), [((0.1, 0.3), False), ((0.5, 0.3), True), ((0.1,), True)])
def test_factors_that_round_when_multiplied_are_noted(factors: tuple[float, ...], exact: bool, tmp_path: Path) -> None:
    tensors = {f"s{i}": np.array(factor) for i, factor in enumerate(factors)}
    names = ["x", *(f"m{i}" for i in range(len(factors)))]
    nodes = [node("Mul", [names[i], f"s{i}"], [names[i + 1]]) for i in range(len(factors))]
    nodes.append(node("Relu", [names[-1]], ["y"]))
    model = load(save(tmp_path / "m.onnx", nodes, tensors, shape=[1, 4], form=Form(kind=onnx.TensorProto.DOUBLE)))
    assert model.notes == () if exact else "multiplied or added up in float64 first" in model.notes[0]


def test_nodes_that_the_output_does_not_need_are_ignored(tmp_path: Path) -> None:
    nodes = [node("Gemm", ["x", "w"], ["y"]), node("Sigmoid", ["y"], ["unused"])]
    _agrees(load(save(tmp_path / "m.onnx", nodes, weights(w=(4, 3)), shape=[1, 4])))
