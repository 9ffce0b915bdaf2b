"""Tables: what is in a cell, byte-stable text formats, LaTeX that compiles, speed."""

import csv
import io
import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from bounds.entry import Side
from bounds.errors import InvalidInput
from bounds.evaluate import read_letter
from bounds.render import FORMATS
from bounds.render.latex import escaped
from bounds.table import NAMES, Missing, Number, Table, Text, build

SNAPSHOTS = Path(__file__).parent / "snapshots"
MNIST = {"N": 60000, "d": 784, "eps": "0.3685", "delta": "0.1"}
CASES = {
    "expressive-power-mnist": ("expressive-power", MNIST),
    "expressive-power-formulas": ("expressive-power", {}),
    "vc": ("vc", {"w": "784-256-256-1", "M": "10^400", "d": 784}),
    "feature-averaging": (
        "feature-averaging",
        {"d": 3072, "k": 10, "K_plus": 5, "K_minus": 5, "delta": 26, "sigma": 1, "beta": "1/4", "acc": "0.99"},
    ),
}


def table(case: str) -> Table:
    name, values = CASES[case]
    return build(name, dict(read_letter(letter, value) for letter, value in values.items()))


@pytest.mark.parametrize("form", ["markdown", "csv"])
@pytest.mark.parametrize("case", CASES)
def test_tables_are_byte_stable(case: str, form: str) -> None:
    suffix = {"markdown": "md", "csv": "csv"}[form]
    assert FORMATS[form](table(case), 4) == (SNAPSHOTS / f"{case}.{suffix}").read_text()


def test_the_first_table_has_the_papers_rows_with_their_best_explicit_numbers() -> None:
    shown = {row[0].text: row for row in table("expressive-power-mnist").rows if isinstance(row[0], Text)}
    upper, lower = shown["robust training"][3:]
    assert isinstance(upper, Number)
    assert upper.value.upper == 141180001
    assert isinstance(lower, Number)
    assert lower.value.lower == 784  # rho is below 1/2: the inputs alone bound the size
    assert isinstance(shown["the same, on a k-manifold"][3], Missing)


def test_a_larger_radius_gives_the_stronger_lower_bound() -> None:
    letters = dict(read_letter(k, v) for k, v in (MNIST | {"delta": "0.3"}).items())
    lower = build("expressive-power", letters).rows[0][4]
    assert isinstance(lower, Number)
    assert lower.value.lower == 896


def test_an_l2_table_has_no_linf_numbers() -> None:
    letters = dict(read_letter(k, v) for k, v in (MNIST | {"K_A": 10}).items())
    found = build("expressive-power", letters, "2")
    for row in found.rows[:-1]:
        for cell in row[3:]:
            if isinstance(cell, Number) and cell.entry.side is Side.UPPER:
                assert cell.entry.norm == "2", cell.entry.id
    assert isinstance(found.rows[3][3], Missing)


def test_every_table_renders_in_every_format() -> None:
    letters = dict(read_letter(k, v) for k, v in MNIST.items())
    for name in NAMES:
        found = build(name, letters)
        assert found.rows, name
        for form, render in FORMATS.items():
            assert render(found, 4), (name, form)


def test_csv_and_json_parse_back_to_the_same_shape() -> None:
    found = table("vc")
    rows = list(csv.reader(io.StringIO(FORMATS["csv"](found, 4))))
    assert [len(row) for row in rows] == [len(found.header)] * (len(found.rows) + 1)
    body = json.loads(FORMATS["json"](found, 4))
    assert len(body["rows"]) == len(found.rows)
    closed = next(row["value"] for row in body["rows"] if row["entry"] == "vc.bhlm.closed")
    assert closed["printed"] == closed["at_least"] == closed["at_most"] == "12212712"


def test_an_unknown_table_or_norm_is_refused() -> None:
    with pytest.raises(InvalidInput, match="No table is called 'nosuch'"):
        build("nosuch", {})
    with pytest.raises(InvalidInput, match="inf or 2"):
        build("vc", {}, "3")


@pytest.mark.parametrize("case", CASES)
def test_latex_is_balanced_and_its_rows_have_all_columns(case: str) -> None:
    found = table(case)
    text = FORMATS["latex"](found, 4)
    depth = 0
    for token in re.findall(r"\\.|[{}]", text):
        depth += {"{": 1, "}": -1}.get(token, 0)
        assert depth >= 0
    assert depth == 0
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert [len(re.split(r"(?<!\\)&", row)) for row in rows] == [len(found.header)] * (len(found.rows) + 1)
    assert r"\toprule" in text
    assert r"\caption{" in text
    assert "Tags:" in text


def test_latex_escapes_what_it_would_read_as_commands() -> None:
    assert escaped("a_b & 50% of {x} #1 ~ ^ \\ $ <") == (
        r"a\_b \& 50\% of \{x\} \#1 \textasciitilde{} \textasciicircum{} \textbackslash{} \$ \textless{}"
    )


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex with booktabs and siunitx")
def test_latex_compiles(tmp_path: Path) -> None:
    bodies = "\n".join(FORMATS["latex"](table(case), 4) for case in CASES)
    source = (
        rf"\documentclass{{article}}\usepackage{{amsmath,booktabs,siunitx}}\begin{{document}}{bodies}\end{{document}}"
    )
    (tmp_path / "t.tex").write_text(source)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout[-2000:]


def test_a_table_of_thirty_rows_takes_less_than_a_second() -> None:
    letters = dict(read_letter(k, v) for k, v in MNIST.items())
    start = time.perf_counter()
    found = build("memorizers", letters)
    FORMATS["latex"](found, 4)
    assert len(found.rows) >= 30
    assert time.perf_counter() - start < 1
