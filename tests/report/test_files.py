import csv
import errno
import io
import math
import os
from pathlib import Path

import numpy as np
import pytest

from certify.errors import InvalidInput
from certify.outcome import CertifiedRadius, Status, Trust, Witness
from certify.record import Record, failed
from certify.region import Norm
from certify.report.folder import FILES, write_report
from certify.report.summary import Heading, markdown_summary, terminal_summary
from certify.report.tables import radii_table, witness_archive
from certify.report.totals import Totals

HEADING = Heading("net.onnx", "digits", Norm.LINF, 3, {"method": "a|b", "seed": "0"}, ("rounded once",))


def rows() -> list[Record]:
    found = Witness(np.array([0.1, 0.7]), 2 / 3)
    broken = CertifiedRadius(
        3, 3, 1 / 3, 2 / 3, Status.BRACKETED, Norm.LINF, "alpha", Trust.ROUNDED, 1.23456, witness=found
    )
    wrong = CertifiedRadius(
        1, 2, 0.0, 0.0, Status.MISCLASSIFIED, Norm.LINF, "none", Trust.ROUNDED, 0.0, witness=Witness(np.zeros(2), 0.0)
    )
    return [Record(9, broken), Record(4, wrong), failed(7, 1, norm=Norm.LINF, method="auto", reason="boom")]


COHEN = ("idx", "label", "predict", "radius", "correct", "time")


def test_the_table_begins_with_the_columns_of_the_field_and_rounds_to_the_safe_side() -> None:
    lines = list(csv.reader(io.StringIO(radii_table(rows())), delimiter="\t"))
    assert lines == [
        [*COHEN, "radius_upper", "status", "method", "norm", "eps_units", "trust"],
        ["4", "1", "2", "0.000000", "0", "0.000", "0.000000", "misclassified", "none", "inf", "input", "rounded"],
        ["7", "1", "-1", "0.000000", "0", "0.000", "inf", "error", "auto", "inf", "input", "float"],
        ["9", "3", "3", "0.333333", "1", "1.235", "0.666667", "bracketed", "alpha", "inf", "input", "rounded"],
    ]


def test_the_witnesses_are_archived_bit_for_bit_and_the_same_each_time() -> None:
    data = witness_archive(rows())
    assert data == witness_archive(list(reversed(rows())))
    with np.load(io.BytesIO(data)) as archive:
        assert archive["indices"].tolist() == [4, 9]
        assert archive["points"].tolist() == [[0.0, 0.0], [0.1, 0.7]]
        assert archive["distances"].tolist() == [0.0, 2 / 3]


def test_a_run_without_witnesses_has_an_empty_archive() -> None:
    with np.load(io.BytesIO(witness_archive(rows()[2:]))) as archive:
        assert len(archive["indices"]) == len(archive["points"]) == len(archive["distances"]) == 0


def test_a_report_has_the_files_it_names_and_replaces_them(tmp_path: Path) -> None:
    write_report(tmp_path, HEADING, rows()[:1])
    write_report(tmp_path, HEADING, rows())
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {*FILES, "summary.md"} - {"records.jsonl", "run.json"}
    assert len((tmp_path / "radii.tsv").read_text().splitlines()) == 4
    assert "curve.svg" in (tmp_path / "summary.md").read_text()


def test_a_file_that_cannot_be_written_is_named_and_the_old_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_report(tmp_path, HEADING, rows()[:1])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InvalidInput, match=r"Cannot write .*radii.tsv: No space left on device"):
        write_report(tmp_path, HEADING, rows())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_summaries_say_what_is_incomplete_and_what_failed() -> None:
    whole, part = Totals.of(rows()), Totals.of(rows()[:2])
    assert "all 3 inputs done" in terminal_summary(HEADING, whole)
    assert "INCOMPLETE, 2 of 3 inputs done" in terminal_summary(HEADING, part)
    assert "1 bracketed, 1 misclassified, 1 error" in terminal_summary(HEADING, whole)
    assert "no counterexample is known for 1 input(s)" in terminal_summary(HEADING, whole)
    text = markdown_summary(HEADING, whole, FILES)
    assert "| error | 1 |" in text
    assert "| timeout | 0 |" in text
    assert r"| method | a\|b |" in text
    assert "- rounded once" in text
    assert all(name in text for name in FILES)


def test_a_summary_prints_both_sides_of_the_median() -> None:
    totals = Totals.of(rows()[:1])
    assert "median radius: certified 0.333333, attacked 0.666667" in terminal_summary(HEADING, totals)
    assert totals.mean_upper < math.inf
