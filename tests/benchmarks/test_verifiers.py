import csv
from pathlib import Path
from typing import Any

import pytest

from benchmarks import verifiers
from benchmarks.__main__ import main
from benchmarks.verifiers import HIGHS, OURS, Answer, Measured, check
from certify.errors import InvalidInput, SelfCheckFailed


def measured(ours: str, highs: str, batch: str) -> Measured:
    answers = (Answer(OURS, 1400, ours, 0.2), Answer(HIGHS, 1400, highs, 0.4))
    return Measured("net, eps 0.1", answers, (batch,), 0.1)


@pytest.mark.parametrize(
    ("verdicts", "guilty"),
    [
        (("verified", "falsified", "verified"), "HiGHS MILP found"),
        (("falsified", "verified", "falsified"), "verified by HiGHS MILP"),
        (("open", "verified", "falsified"), "in a batch found"),
    ],
)
def test_a_contradiction_between_tools_stops_the_run(verdicts: tuple[str, str, str], guilty: str) -> None:
    with pytest.raises(SelfCheckFailed, match=f"sample 1400.*{guilty}"):
        check(measured(*verdicts))


def test_open_questions_contradict_nothing() -> None:
    check(measured("open", "falsified", "falsified"))
    check(measured("verified", "open", "verified"))


def test_a_limit_for_another_benchmark_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["run", "hard-set", "--seconds", "3", "-o", str(tmp_path)])
    assert "--seconds is for verifiers" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [(["--seconds", "0"], "a positive number"), (["--seconds", "nan"], "a positive"), (["--data", "x"], "no --data")],
)
def test_options_without_a_meaning_are_refused(
    more: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit):
        main(["run", "verifiers", *more, "-o", str(tmp_path)])
    assert message in capsys.readouterr().err


def test_a_row_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["run", "verifiers", "--size", "small", "--rows", "1", "2", "-o", str(tmp_path)]) != 0
    assert "no row 2; rows are 1 to 1" in capsys.readouterr().err


def missing(_: Any) -> Any:
    """A tool that is not installed."""
    raise InvalidInput("pip install it")


def test_every_tool_answers_the_same_questions_and_a_missing_one_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(verifiers.TOOLS, "absent", missing)
    assert main(["run", "verifiers", "--size", "small", "--seconds", "10", "-o", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "absent is left out: pip install it" in shown
    with (tmp_path / "verifiers-instances.csv").open() as file:
        found = list(csv.DictReader(file))
    tools = {answer["tool"] for answer in found}
    assert {OURS, HIGHS} <= tools
    asked = {tool: [(a["row"], a["sample"]) for a in found if a["tool"] == tool] for tool in tools}
    assert len(asked[OURS]) >= 3
    assert all(questions == asked[OURS] for questions in asked.values())
    ours = [answer["verdict"] for answer in found if answer["tool"] == OURS]
    assert set(ours) == {"verified", "falsified"}
    table = (tmp_path / "verifiers.md").read_text()
    assert f"{ours.count('verified')} " in table
    assert (tmp_path / "verifiers.svg").exists()
    assert (tmp_path / "verifiers.pdf").exists()
