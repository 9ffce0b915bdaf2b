import csv
from pathlib import Path

import pytest
import torch

from benchmarks import devices
from benchmarks.__main__ import main
from benchmarks.devices import Plan, Row
from certify.errors import SelfCheckFailed
from certify.outcome import Falsified, Outcome, Trust, Unknown, Verified, Witness

VERIFIED, OPEN = Verified(Trust.ROUNDED), Unknown("late")
FALSIFIED = Falsified(Witness(torch.zeros(1).double().numpy(), 0.0))


def test_every_image_has_an_answer_on_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (row,) = devices.report(tmp_path, None, Plan(images=12, hidden=(12, 12), epochs=60, radius=0.05, seconds=30.0))
    assert row.device == "cpu"
    assert sum(row.counts.values()) == len(row.answers) > 3
    assert row.counts["verified"] > 0
    assert row.counts["open"] == 0
    with (tmp_path / "devices.csv").open() as file:
        (line,) = csv.DictReader(file)
    assert int(line["verified"]) == row.counts["verified"]


@pytest.mark.parametrize("other", [VERIFIED, OPEN])
def test_devices_that_agree_or_leave_open_pass(other: Outcome) -> None:
    devices.check([Row("cpu", [VERIFIED], 1.0), Row("cuda", [other], 1.0)])


def test_devices_that_contradict_each_other_stop_the_run() -> None:
    with pytest.raises(SelfCheckFailed, match="Image 1"):
        devices.check([Row("cpu", [OPEN, VERIFIED], 1.0), Row("cuda", [OPEN, FALSIFIED], 1.0)])


def test_a_benchmark_without_a_large_size_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["run", "devices", "--size", "large", "-o", str(tmp_path)])
    assert "--size large is for radius-scaling" in capsys.readouterr().err
