"""Published models and data, where the folder that RELUCERT_DATA names has them."""

import os
from pathlib import Path

import pytest

from certify.io.datasets import load_points
from certify.io.models import load
from certify.query import predictions

FOLDER = os.environ.get("RELUCERT_DATA")
pytestmark = pytest.mark.skipif(FOLDER is None, reason="needs RELUCERT_DATA")
ROOT = Path(FOLDER or ".")
BENCHMARKS = ROOT / "vnncomp2022" / "benchmarks"


@pytest.mark.parametrize("layers", [2, 4, 6])
def test_mnist_models_classify_mnist(layers: int) -> None:
    model = load(BENCHMARKS / "mnist_fc" / "onnx" / f"mnist-net_256x{layers}.onnx")
    assert model.notes == ()
    assert model.network.count().units == 256 * layers
    for spec in (f"mnist:{ROOT / 'mnist'}", str(ROOT / "eran" / "data" / "mnist_test.csv")):
        points = load_points(spec, model.network, index="0:100")
        assert (predictions(model.network, points.points) == points.labels).mean() >= 0.97


@pytest.mark.parametrize("name", ["1_1", "3_3", "5_9"])
def test_collision_avoidance_models_are_read_exactly(name: str) -> None:
    model = load(BENCHMARKS / "acasxu" / "onnx" / f"ACASXU_run2a_{name}_batch_2000.onnx.gz")
    assert model.network.input_shape == (1, 1, 5)
    assert (model.network.count().units, model.network.count().nnz) == (300, 13305)
    assert model.notes == ()


def test_the_same_images_come_from_every_source() -> None:
    csv = load_points(str(ROOT / "eran" / "data" / "cifar10_test.csv"), None)
    npz = load_points(f"cifar10:{ROOT / 'cifar10'}", None, index="0:100")
    assert csv.digest == npz.digest
