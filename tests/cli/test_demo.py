import json
from collections.abc import Callable
from pathlib import Path

import pytest

from certify.cli import demo, demo_training
from certify.cli.demo_training import train
from certify.io.datasets import load_points
from certify.query import predictions
from certify.report.curve import Curve
from certify.store import read_rows
from tests.report.test_curve import row, wrong

Certify = Callable[..., tuple[int, str, str]]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_training, "EPOCHS", 8)
    monkeypatch.setattr(demo, "INDEX", "0:797:266")


@pytest.mark.usefixtures("short")
def test_the_demonstration_certifies_the_saved_files_in_both_norms(certify: Certify, tmp_path: Path) -> None:
    code, out, err = certify("demo", "--out", str(tmp_path / "demo"))
    assert (code, err) == (0, "")
    for name, norm in (("l2", "2"), ("linf", "inf")):
        rows = read_rows(tmp_path / "demo" / name)
        assert len(rows) == 3
        assert all(r.answer.norm.short == norm and r.answer.lower <= r.answer.upper for r in rows)
        assert any(r.answer.lower > 0 for r in rows)
        assert str(tmp_path / "demo" / name / "curve.svg") in out
        facts = json.loads((tmp_path / "demo" / name / "run.json").read_text())
        assert facts["settings"]["domain"] == "0.0,1.0"
    assert out.count("accuracy on 3 inputs: #") == 2
    assert {p.name for p in (tmp_path / "demo").iterdir()} == {
        "digits-mlp.safetensors", "digits-mlp.onnx", "l2", "linf"
    }  # fmt: skip


@pytest.mark.usefixtures("short")
def test_the_demonstration_overwrites_nothing(certify: Certify, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    code, _, err = certify("demo", "--out", str(tmp_path))
    assert (code, err) == (2, f"error: {tmp_path} exists and is not empty. Choose another --out.\n")
    code, _, err = certify("demo", "--out", "/dev/full/demo")
    assert code == 2
    assert "Cannot write to /dev/full/demo" in err


@pytest.mark.usefixtures("short")
def test_training_gives_the_same_network_each_time_and_another_for_another_seed() -> None:
    data = load_points("digits:train", None)
    first, again, other = (train(data.points, data.labels, seed=seed) for seed in (0, 0, 1))
    assert first.digest == again.digest != other.digest
    test = load_points("digits", None)
    assert (predictions(first, test.points) == test.labels).mean() > 0.8


def test_a_curve_in_text_shows_certified_below_attacked() -> None:
    text = demo.ascii_curve(Curve.of([row(0, 0.5, 1.0), row(1, 0.25, 0.5), wrong(2), wrong(3)]), width=41, height=4)
    assert text.splitlines()[1:-1] == [
        " 100% |",
        "  75% |",
        "  50% |" + "#" * 11 + "." * 9,
        "  25% |" + "#" * 21 + "." * 19,
        "   0% +" + "-" * 41,
    ]
