from pathlib import Path

import pytest

from benchmarks.__main__ import NAMES, main
from benchmarks.image_tasks import image_tasks
from certify.errors import InvalidInput


def test_the_list_names_every_benchmark_and_each_has_its_module(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    folder = Path(__file__).resolve().parents[2] / "benchmarks"
    for name in NAMES:
        assert name in shown
        assert (folder / f"{name.replace('-', '_')}.py").exists()


def test_a_folder_without_images_is_refused_with_what_was_looked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["run", "robust-overfitting", "--data", str(tmp_path), "--size", "small", "-o", str(tmp_path)])
    assert code != 0
    assert "holds neither MNIST's IDX files nor CIFAR-10's batches" in capsys.readouterr().err


def test_digits_are_the_default_and_merge_by_parity() -> None:
    [task] = image_tasks(None, train=50, test=20)
    assert (task.name, task.shape) == ("digits", (8, 8))
    assert len(task.train.points) == 50
    assert len(task.test.points) == 20
    assert (task.binary(task.test).labels == task.test.labels % 2).all()


def test_a_folder_of_real_images_gives_both_tasks(data_dir: Path) -> None:
    names = [task.name for task in image_tasks(str(data_dir), train=100, test=50)]
    assert names == ["mnist", "cifar10"]


def test_results_that_cannot_be_written_are_refused_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["run", "verifiers", "-o", str(tmp_path / "file" / "out")]) == 2
    assert "Choose another folder" in capsys.readouterr().err


def test_no_folder_at_all_is_refused() -> None:
    with pytest.raises(InvalidInput, match="holds neither"):
        image_tasks("/nowhere/at/all", train=1, test=1)
