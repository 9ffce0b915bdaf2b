"""The command line end to end on real data: a small MNIST classifier trained here, images from two sources."""

import csv
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from certify.io.idx import read_mnist
from certify.io.models import from_module
from certify.io.writers import save

ROOT = Path(__file__).resolve().parents[2]
COUNT = 20


@pytest.fixture(scope="session")
def model(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 784-64-10 classifier of MNIST, trained for seconds, as a gzipped ONNX file."""
    raw = read_mnist(str(data_dir / "mnist"), train=True)
    images = torch.from_numpy(raw.points.reshape(-1, 784) / np.float32(255))
    labels = torch.from_numpy(raw.labels)
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(784, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    optimiser = torch.optim.Adam(net.parameters(), lr=2e-3)
    for batch in torch.randperm(len(images))[:51200].split(256):
        loss = torch.nn.functional.cross_entropy(net(images[batch]), labels[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    folder = tmp_path_factory.mktemp("model")
    save(from_module(net, (784,)), folder / "net.onnx")
    (folder / "net.onnx.gz").write_bytes(gzip.compress((folder / "net.onnx").read_bytes()))
    (folder / "net.onnx").unlink()
    return folder / "net.onnx.gz"


def certify(model: Path, data: str, out: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    """The command line on the first images of ``data``, in a process of its own."""
    words = [str(model), "--data", data, "--index", f"0:{COUNT}", "--out", str(out), "--method", "crown", *more]
    return subprocess.run(
        [sys.executable, "-m", "certify", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )


@pytest.fixture(scope="session", params=["inf", "2", "1"])
def runs(request: pytest.FixtureRequest, data_dir: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs about the same images, from MNIST's own files and from ERAN's table."""
    folder = tmp_path_factory.mktemp("runs")
    sources = {"idx": f"mnist:{data_dir / 'mnist'}", "csv": str(data_dir / "eran" / "data" / "mnist_test.csv")}
    for name, spec in sources.items():
        done = certify(model, spec, folder / name, "--norm", request.param, "--domain", "0,1")
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        assert f"all {COUNT} inputs done" in done.stdout or f"{COUNT} inputs done" in done.stdout
    return folder


def rows(run: Path) -> list[dict[str, str]]:
    """The table of a run."""
    with (run / "radii.tsv").open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_each_image_has_an_ordered_bracket_in_the_table(runs: Path, data_dir: Path) -> None:
    table = rows(runs / "idx")
    labels = read_mnist(str(data_dir / "mnist"), train=False).labels[:COUNT]
    assert [(int(row["idx"]), int(row["label"])) for row in table] == list(enumerate(labels))
    for row in table:
        assert float(row["radius"]) <= float(row["radius_upper"])
        assert row["status"] in ("exact", "bracketed", "misclassified")
        assert (float(row["radius"]) > 0) == (row["status"] != "misclassified") == bool(int(row["correct"]))
        assert row["trust"] == "rounded"
    assert sum(int(row["correct"]) for row in table) >= 0.9 * COUNT


def test_the_same_images_from_another_file_get_the_same_answers(runs: Path) -> None:
    digests = [json.loads((runs / name / "run.json").read_text())["data"]["digest"] for name in ("idx", "csv")]
    assert digests[0] == digests[1]
    timeless = [[row | {"time": ""} for row in rows(runs / name)] for name in ("idx", "csv")]
    assert timeless[0] == timeless[1]
    assert (runs / "idx" / "curve.svg").stat().st_size > 1000


def test_each_witness_is_a_valid_image_that_the_saved_file_misclassifies(
    runs: Path, model: Path, data_dir: Path
) -> None:
    raw = read_mnist(str(data_dir / "mnist"), train=False)
    session = onnxruntime.InferenceSession(gzip.decompress(model.read_bytes()), providers=["CPUExecutionProvider"])
    (source,) = session.get_inputs()
    norm = json.loads((runs / "idx" / "run.json").read_text())["settings"]["norm"]
    table = {int(row["idx"]): row for row in rows(runs / "idx")}
    with np.load(runs / "idx" / "witnesses.npz") as file:
        found = list(zip(file["indices"].tolist(), file["points"], file["distances"].tolist(), strict=True))
    assert len(found) == COUNT
    for index, point, distance in found:
        assert point.min() >= 0
        assert point.max() <= 1
        moved = np.linalg.norm(point - raw.points[index].ravel() / 255, ord=float(norm))
        assert moved <= distance * (1 + 1e-12) <= float(table[index]["radius_upper"]) + 1e-9
        outputs = np.asarray(session.run(None, {source.name: point.astype(np.float32)[None]})[0]).ravel()
        label = int(raw.labels[index])
        assert np.delete(outputs, label).max() >= outputs[label] - 1e-6 * np.abs(outputs).max()
