import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from certify.attacks.combined import StrongestAttack
from certify.errors import SelfCheckFailed, UnsupportedModel
from certify.query import Queries
from certify.radius import METHODS
from tests.cli.conftest import Place, write_data
from tests.run.fakes import tiny_points

Certify = Callable[..., tuple[int, str, str]]
Fake = Callable[..., None]


def test_a_run_ends_with_0_and_leaves_every_file(place: Place, certify: Certify, fake: Fake) -> None:
    fake()
    code, out, err = certify(*place.words("--norm", "inf"))
    assert (code, err) == (0, "")
    assert {path.name for path in place.run.iterdir()} == {
        *("records.jsonl", "radii.tsv", "run.json", "witnesses.npz", "curve.svg", "curve.pdf", "summary.md")
    }
    assert "19 bracketed, 1 misclassified" in out
    assert f"files: {place.run}/" in out
    assert "linf radii in raw input units" in out


def test_run_json_says_where_the_numbers_come_from(place: Place, certify: Certify, fake: Fake) -> None:
    fake()
    certify(*place.words("--max-radius", "8/255", "--seed", "5", "--index", "0:7"))
    facts = json.loads((place.run / "run.json").read_text())
    assert facts["settings"]["max_radius"] == 8 / 255
    assert facts["settings"]["seconds"] is None
    assert (facts["settings"]["seed"], facts["data"]["inputs"]) == (5, 7)
    assert len(facts["model"]["file_digest"]) == len(facts["data"]["digest"]) == 64
    (session,) = facts["sessions"]
    assert session["command"][0].endswith("net.safetensors")
    assert "8/255" in session["command"]
    assert set(session["versions"]) == {"relucert", "python", "torch", "numpy", "onnxruntime"}
    assert session["started"].endswith("+00:00")


def test_json_puts_one_object_per_row_on_stdout_and_nothing_else(place: Place, certify: Certify, fake: Fake) -> None:
    fake()
    code, out, err = certify(*place.words("--json"))
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert sorted(row["index"] for row in rows) == list(range(20))
    assert all("witness" not in row and row["lower"] >= 0 for row in rows)
    assert any(row["upper"] is None for row in rows)
    assert "20 inputs done" in err


def test_an_input_that_fails_alone_makes_the_exit_code_1(place: Place, certify: Certify, fake: Fake) -> None:
    fake(fail=(float(tiny_points(20)[0][6, 0]),))
    code, out, _ = certify(*place.words())
    assert code == 1
    assert "1 error" in out
    assert "RuntimeError: boom" in (place.run / "records.jsonl").read_text()


def test_a_fault_in_the_real_engine_costs_one_input_only_and_makes_the_exit_code_1(
    place: Place, certify: Certify, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = certify(*place.words("--json"))
    assert code == 0
    quiet = {row["index"]: row for row in map(json.loads, out.splitlines())}
    poison, search = tiny_points(20)[0][6], StrongestAttack.search

    def exhausted(self: StrongestAttack, queries: Queries, *rest: object, **more: object) -> object:
        if (queries.centres == poison).all(axis=1).any():
            raise MemoryError("no memory for this input")
        return search(self, queries, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(StrongestAttack, "search", exhausted)
    code, out, err = certify(*place.words("--json", "--out", str(place.run / "again")))
    rows = {row["index"]: row for row in map(json.loads, out.splitlines())}
    assert code == 1
    assert "1 error" in err
    assert [i for i, row in rows.items() if row["status"] == "error"] == [6]
    assert "MemoryError: no memory for this input" in rows[6]["reason"]
    others = [i for i in quiet if i != 6]
    assert [rows[i]["label"] for i in others] == [quiet[i]["label"] for i in others]
    assert all(rows[i]["lower"] <= quiet[i]["upper"] for i in others if quiet[i]["upper"] is not None)


def test_a_failed_self_check_makes_the_exit_code_4(place: Place, certify: Certify, fake: Fake) -> None:
    fake(fail=(float(tiny_points(20)[0][6, 0]),), problem=SelfCheckFailed("they disagree"))
    code, _, err = certify(*place.words())
    assert (code, err) == (4, "error: they disagree\n")
    assert not (place.run / "curve.svg").exists()
    assert len((place.run / "records.jsonl").read_text().splitlines()) == 5


def test_a_network_that_the_engine_cannot_take_makes_the_exit_code_3(
    place: Place, certify: Certify, fake: Fake
) -> None:
    fake(fail=(float(tiny_points(20)[0][6, 0]),), problem=UnsupportedModel("no sigmoid here"))
    assert certify(*place.words())[::2] == (3, "error: no sigmoid here\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--norm", "3"), "Unknown norm '3'"),
        (("--method", "magic"), "Unknown method 'magic'"),
        (("--max-radius", "-1"), "largest radius must be a number > 0, got -1"),
        (("--max-radius", "0"), "largest radius must be a number > 0"),
        (("--max-radius", "nan"), "'nan' is not a number"),
        (("--max-radius", "1/0"), "'1/0' is not a number"),
        (("--tolerance", "2"), "tolerance is relative"),
        (("--seconds", "-3"), "time limit per input"),
        (("--domain", "1,0"), "is not a domain"),
        (("--domain", "0"), "is not a domain"),
        (("--domain", "0,1/2"), "lies outside the domain"),
        (("--index", "500"), "out of range"),
        (("--index", "x"), "Cannot read index"),
        (("--seed", "-1"), "not a whole number"),
        (("--std", "0"), "must be positive"),
        (("--mean", "1,2,3"), "one per channel"),
        (("--input-shape", "0,2"), "is not a shape"),
        (("--input-shape", "1,28,28"), "does not fit"),
        (("--data", "mnist:/nowhere"), "/nowhere"),
        (("--data", "cats"), "Unknown data set 'cats'"),
        (("--frobnicate",), "unrecognized arguments"),
    ],
)
def test_a_bad_option_is_named_and_makes_the_exit_code_2(
    place: Place, certify: Certify, fake: Fake, options: tuple[str, ...], message: str
) -> None:
    fake()
    code, out, err = certify(*place.words(*options))
    assert code == 2
    assert message in err
    assert "Traceback" not in err + out
    assert not place.run.exists()


def test_a_gpu_that_is_not_there_is_refused(place: Place, certify: Certify, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    code, _, err = certify(*place.words("--device", "cuda"))
    assert code == 2
    assert err.startswith("error: Device cuda: torch sees no GPU here.")


@pytest.mark.parametrize(
    ("points", "labels", "message"),
    [
        (np.full((3, 2), np.nan), np.zeros(3, int), "nan at coordinate 0"),
        (np.zeros((3, 5)), np.zeros(3, int), "does not fit the model"),
        (np.zeros((3, 2)), np.array([0, 1, 3]), "Label 3 of input 2"),
        (np.zeros((3, 2)), np.array([0, -1, 1]), "Label -1 of input 1"),
        (np.zeros((0, 2)), np.zeros(0, int), "no points"),
    ],
)
def test_data_that_do_not_fit_make_the_exit_code_2(
    place: Place, certify: Certify, fake: Fake, points: np.ndarray, labels: np.ndarray, message: str
) -> None:
    fake()
    write_data(place.folder / "data.npz", points, labels)
    code, _, err = certify(*place.words())
    assert code == 2
    assert message in err
    assert err.startswith("error: ")
    assert not place.run.exists()


def test_a_model_that_is_not_there_makes_the_exit_code_2(certify: Certify) -> None:
    code, _, err = certify("nowhere.onnx", "--data", "digits")
    assert code == 2
    assert err.startswith("error: There is no file nowhere.onnx")


def test_a_folder_with_a_run_is_not_overwritten(place: Place, certify: Certify, fake: Fake) -> None:
    fake()
    certify(*place.words())
    before = {path.name: path.read_bytes() for path in place.run.iterdir()}
    code, _, err = certify(*place.words())
    assert code == 2
    assert "exists and is not empty. Continue that run with --resume" in err
    assert {path.name: path.read_bytes() for path in place.run.iterdir()} == before


@pytest.mark.parametrize("out", ["/dev/full/run", "/proc/run"])
def test_an_output_that_cannot_be_written_makes_the_exit_code_2(
    place: Place, certify: Certify, fake: Fake, out: str
) -> None:
    fake()
    code, _, err = certify(*place.words("--out", out))
    assert code == 2
    assert f"error: Cannot write to {out}" in err


def test_resuming_a_finished_run_computes_nothing_and_says_the_same(place: Place, certify: Certify, fake: Fake) -> None:
    fake()
    certify(*place.words())
    names = ("records.jsonl", "radii.tsv", "witnesses.npz", "curve.svg", "curve.pdf", "summary.md")
    before = {name: (place.run / name).read_bytes() for name in names}
    code, out, _ = certify(*place.words("--resume"))
    assert code == 0
    assert "20 of 20 inputs are already done" in out
    assert {name: (place.run / name).read_bytes() for name in names} == before
    assert len(json.loads((place.run / "run.json").read_text())["sessions"]) == 2


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--norm", "inf"), ["norm (2 there, inf now)"]),
        (("--seed", "1", "--tolerance", "1/100"), ["seed (0 there, 1 now)", "tolerance (0.001 there, 0.01 now)"]),
        (("--index", "0:3"), ["data (", "inputs (20 from 0 to 19 there, 3 from 0 to 2 now)"]),
        (("--domain", "0,2"), ["domain (none there, 0.0,2.0 now)"]),
        (("--std", "2"), ["network ("]),
    ],
)
def test_resuming_with_something_else_is_refused_and_names_it(
    place: Place, certify: Certify, fake: Fake, options: tuple[str, ...], names: list[str]
) -> None:
    fake()
    certify(*place.words())
    before = (place.run / "records.jsonl").read_bytes()
    code, _, err = certify(*place.words("--resume", *options))
    assert code == 2
    assert all(name in err for name in names), err
    assert err.count(" there, ") == len(names)
    assert (place.run / "records.jsonl").read_bytes() == before


def test_resuming_without_a_folder_is_refused(place: Place, certify: Certify) -> None:
    words = [word for word in place.words("--resume") if word not in ("--out", str(place.run))]
    assert certify(*words)[::2] == (2, "error: --resume needs --out RUN, the folder of the run to continue.\n")


def test_a_run_without_a_folder_gets_a_new_one_each_time(
    place: Place, certify: Certify, fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake()
    monkeypatch.chdir(tmp_path)
    words = [word for word in place.words() if word not in ("--out", str(place.run))]
    for name in ("net-data-l2", "net-data-l2-2", "net-data-l2-3"):
        code, out, _ = certify(*words)
        assert code == 0
        assert f"files: runs/{name}/" in out
        assert (tmp_path / "runs" / name / "summary.md").exists()


def test_radii_are_said_in_both_units_when_the_model_normalises(place: Place, certify: Certify, fake: Fake) -> None:
    fake()
    _, out, _ = certify(*place.words("--mean", "0.1", "--std", "1/4", "--max-radius", "1/2"))
    assert "times 4 in normalised units" in out
    assert "max radius 0.5 (2 normalised)" in out


def test_inputs_that_look_like_pixels_bring_a_hint_unless_a_domain_is_set(
    place: Place, certify: Certify, fake: Fake
) -> None:
    fake()
    more = ("--input-shape", "1,1,2")
    assert "come with --domain 0,1" in certify(*place.words(*more))[1]
    assert "come with --domain" not in certify(*place.words(*more, "--out", f"{place.run}2", "--domain", "0,1"))[1]


def test_the_help_names_every_method(certify: Certify) -> None:
    code, out, _ = certify("--help")
    assert code == 0
    assert "|".join(METHODS) in out
