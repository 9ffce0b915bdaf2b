"""The command line: what it prints, what it refuses, how fast it starts."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from bounds.cli.main import main


def run(*arguments: str) -> int:
    return main(arguments)


def test_help_imports_neither_sympy_nor_matplotlib_and_is_fast() -> None:
    loaded = "{'sympy', 'matplotlib', 'mpmath'} & set(sys.modules)"
    code = f"import sys; from bounds.cli.main import parser; parser().format_help(); print({loaded})"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "bounds", "--help"], capture_output=True, check=True)
    assert time.perf_counter() - start < 0.3


def test_list_names_every_entry_of_a_paper(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", "--paper", "vc") == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("vc.") for line in lines)
    assert any(line.startswith("vc.bhlm.closed") for line in lines)


def test_show_gives_everything_that_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", "robust-memorizer.hinge-bumps.nnz") == 0
    shown = capsys.readouterr().out
    for word in (
        "statement",
        "n*(6*d + 2) + 1",
        "delta < eps",
        "derived",
        "li2022",
        "bounds-proofs.md#hinge-bumps",
        "floor(N/2)",
    ):
        assert word in shown, word


def test_eval_of_an_order_prints_the_explicit_form(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("eval", "thm-4.3.lower", "--set", "eps=1/10", "d=20", "alpha=1/10") == 0
    shown = capsys.readouterr().out
    assert "Omega((2*eps)**(1/6 - d/6)), constants not stated" in shown
    assert "hard-set.lower: non-zero parameters >= 17988077" in shown


def test_eval_says_what_it_assumed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("eval", "hinge-bumps.nnz", "--set", "N=1000", "d=20") == 0
    assert (
        "assumed, not checked: the attack radius to be below half the class distance: delta < eps"
        in capsys.readouterr().out
    )


def test_eval_says_which_defaults_it_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("eval", "hinge-bumps.nnz", "--set", "N=1000", "d=20") == 0
    assert "using n = floor(N/2)" in capsys.readouterr().out
    assert run("eval", "hinge-bumps.nnz", "--set", "n=500", "d=20") == 0
    assert "using" not in capsys.readouterr().out


def test_eval_encloses_what_is_irrational(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("eval", "decoupled.max.radius", "--set", "d=3", "--digits", "6") == 0
    assert "= 1.22474... (the formula is between 1.22474487139 and 1.2247448714)" in capsys.readouterr().out


def test_table_writes_the_format_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run("table", "expressive-power", "--set", "N=60000", "d=784", "eps=0.3685", "delta=0.1", "--format", "latex")
        == 0
    )
    assert r"\num{141180001}" in capsys.readouterr().out


def test_compare_prints_orders_ratio_and_crossover(capsys: pytest.CaptureFixture[str]) -> None:
    letters = ("--set", "d=784", "eps=0.3685", "delta=0.1")
    assert run("compare", "paraboloid.dense", "hinge-bumps.dense", "--over", "N", *letters) == 0
    shown = capsys.readouterr().out
    assert "of order N**2" in shown
    assert "ratio as N tends to infinity: 0" in shown
    assert "crossover: from N = 56 on the second is larger, at 55 it is not" in shown


@pytest.mark.parametrize("suffix", ["pdf", "svg", "png"])
def test_plot_writes_a_figure_with_measured_points(tmp_path: Path, suffix: str) -> None:
    points = tmp_path / "points.csv"
    points.write_text("x,y,label\n10,5000,built\n100,50000,built\n")
    figure = tmp_path / f"f.{suffix}"
    letters = ("--set", "N=1000", "rho=0.9", "--over", "d", "--range", "2:1000", "--points", str(points))
    assert run("plot", "robust-training.inf.upper", "robust-training.inf.lower", *letters, "-o", str(figure)) == 0
    assert figure.stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("eval", "nosuch"), "No entry is called 'nosuch'"),
        (("eval", "hinge-bumps.nnz", "--set", "N"), "not LETTER=VALUE"),
        (("eval", "hinge-bumps.nnz", "--set", "N=1", "N=2"), "gives N twice"),
        (("eval", "hinge-bumps.nnz", "--set", "N=1", "lam=2"), "does not contain lam"),
        (("eval", "hinge-bumps.nnz", "--set", "N=10"), "d (input dimension)"),
        (("eval", "hinge-bumps.nnz", "--set", "N=10", "d=2", "--digits", "0"), "1 to 50"),
        (("table",), "Name a table"),
        (("table", "nosuch"), "No table is called"),
        (("table", "vc", "--data", "digits"), "belong to an audit"),
        (("table", "vc", "--model", "x.onnx"), "not both"),
        (("table", "--model", "x.onnx"), "N and eps. Name the data set with --data SPEC to have them measured"),
        (("table", "--model", "x.onnx", "--data", "cats"), "classes of 'cats' could not be measured: error: Unknown"),
        (("table", "--model", "x.onnx", "--separation", "1", "--set", "eps=1"), "give one of the two"),
        (("compare", "hinge-bumps.nnz", "voronoi.nnz", "--over", "zz"), "'zz' is not a letter"),
        (("plot", "voronoi.nnz", "--over", "d", "--range", "1:9", "-o", "x.txt"), "end it in .pdf"),
        (("plot", "voronoi.nnz", "--over", "d", "--range", "9:1", "-o", "x.pdf"), "is empty"),
        (
            ("plot", "voronoi.nnz", "--over", "d", "--range", "1:9", "-o", "x.pdf"),
            "has no value to draw: No value for N",
        ),
        (("plot", "thm-3.3.upper", "--over", "d", "--range", "1:9", "-o", "x.pdf"), "order of growth"),
    ],
)
def test_mistakes_exit_with_two_and_say_what_is_wrong(
    arguments: tuple[str, ...],
    words: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    assert words in capsys.readouterr().err


def test_a_figure_that_cannot_be_written_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    target = str(tmp_path / "missing" / "f.pdf")
    assert run("plot", "voronoi.nnz", "--over", "d", "--range", "1:9", "--set", "N=10", "-o", target) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_points_file_of_another_form_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("a,b\n1,2\n")
    letters = ("--over", "d", "--range", "1:9", "--set", "N=10", "-o", str(tmp_path / "f.pdf"))
    assert run("plot", "voronoi.nnz", *letters, "--points", str(tmp_path / "p.csv")) == 2
    assert "columns x, y, label" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m bounds list | head -1"
    answer = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False)
    assert answer.stderr == ""
    assert answer.stdout.startswith("robust-memorizer")
