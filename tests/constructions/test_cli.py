"""The command line of constructions: what it prints, what it leaves, and the exit code of each mistake."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from certify.io.models import load
from certify.io.writers import read_metadata, save
from certify.query import predictions
from constructions.cli.main import main
from constructions.files import KEY

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: object) -> tuple[int, str, str]:
        try:
            code = main([str(word) for word in words])
        except SystemExit as stop:
            code = int(stop.code or 0)
        caught = capsys.readouterr()
        return code, caught.out, caught.err

    return call


@pytest.fixture
def data(tmp_path: Path) -> Path:
    points = np.array([[2, 3], [5, 12], [13, 13], [8, 7], [14, 4], [3, 8], [6, 3], [2, 13]]) / 16
    np.savez(tmp_path / "data.npz", points=points, labels=np.arange(8) % 2)
    return tmp_path / "data.npz"


@pytest.fixture
def built(run: Run, data: Path) -> Path:
    path = data.parent / "net.safetensors"
    code, out, err = run("build", "memorizer", "--data", data, "--norm", "inf", "--delta", "0.05", "-o", path)
    assert (code, err) == (0, "")
    assert "proved robust-radius" in flat(out)
    assert f"saved {path}" in out
    return path


def flat(text: str) -> str:
    """Text without the folding."""
    return " ".join(text.split())


def edited(path: Path, change: Callable[[dict], None]) -> None:
    """The same network with other words about it."""
    notes = json.loads(read_metadata(path)[KEY])
    change(notes)
    save(load(path).network, path, metadata={KEY: json.dumps(notes)})


def test_the_list_names_every_family_with_its_theorem(run: Run) -> None:
    code, out, _ = run("list", "--long")
    assert code == 0
    assert "hinge-bumps " in out
    assert "zero robust training error" in out


@pytest.mark.parametrize(("norm", "family"), [("inf", "hinge-bumps"), ("2", "voronoi"), ("1", "distance-bumps")])
def test_the_memorizer_is_the_one_of_the_norm(run: Run, data: Path, norm: str, family: str) -> None:
    code, out, _ = run(
        "build", "memorizer", "--data", data, "--norm", norm, "--delta", "1/20", "-o", data.parent / "n.onnx"
    )
    assert code == 0
    assert out.startswith(f"{family}: ")


def test_a_built_file_is_checked_with_exit_code_0(run: Run, built: Path) -> None:
    code, out, _ = run("check", built)
    assert code == 0
    assert out.endswith("every claim is proved\n")


def test_a_changed_weight_makes_the_exit_code_1(run: Run, built: Path) -> None:
    model = load(built)
    notes = read_metadata(built)
    last = model.network.nodes[-1].op
    last.bias[0] += 2.0  # type: ignore[union-attr]
    save(model.network, built, metadata=notes)
    code, out, _ = run("check", built)
    assert code == 1
    assert "NOT every claim is proved" in out
    assert "FALSE robust-radius" in flat(out)


def test_a_claim_rewritten_in_the_file_is_false(run: Run, built: Path) -> None:
    edited(built, lambda notes: notes["claims"][0].update(value="1/2"))
    code, out, _ = run("check", built)
    assert code == 1
    assert "the file states" in flat(out)


def test_a_claim_added_to_the_file_is_false(run: Run, built: Path) -> None:
    extra = {"name": "immortal", "statement": "It never dies.", "value": "1"}
    edited(built, lambda notes: notes["claims"].append(extra))
    code, out, _ = run("check", built)
    assert code == 1
    assert "no construction of this family claims that" in flat(out)


def test_a_claim_stated_twice_is_refused(run: Run, built: Path) -> None:
    edited(built, lambda notes: notes["claims"].insert(0, {**notes["claims"][0], "value": "1000"}))
    code, _, err = run("check", built)
    assert code == 2
    assert "states 'robust-radius' more than once" in err


def test_a_claim_removed_from_the_file_is_noticed(run: Run, built: Path) -> None:
    edited(built, lambda notes: notes["claims"].pop(0))
    code, out, _ = run("check", built)
    assert code == 1
    assert "says nothing of it" in flat(out)


def test_a_larger_radius_written_into_the_file_is_not_proved(run: Run, built: Path) -> None:
    edited(built, lambda notes: notes["parameters"].update(delta="1/15"))
    assert run("check", built)[0] == 1


def test_data_that_moved_is_found_again_and_other_data_refused(run: Run, built: Path, data: Path) -> None:
    moved = data.rename(data.parent / "moved.npz")
    assert run("check", built)[0] == 2
    assert run("check", built, "--data", moved)[0] == 0
    code, _, err = run("check", built, "--data", moved, "--index", "0:4")
    assert code == 2
    assert "another digest" in err


def test_a_file_that_was_cut_off_is_damaged(run: Run, built: Path) -> None:
    path = built.with_suffix(".onnx")
    save(load(built).network, path, metadata=read_metadata(built))
    path.write_bytes(path.read_bytes()[:-100])
    code, _, err = run("check", path)
    assert code == 2
    assert "damaged ONNX file" in err


def test_a_net_refuses_the_neurons_of_the_other_one(run: Run, tmp_path: Path) -> None:
    for net, option in (("feature-averaging", "--h"), ("feature-decoupled", "--m")):
        code, _, err = run("train", net, option, "2", "-o", tmp_path / "x.onnx")
        assert code == 2
        assert f"unrecognized arguments: {option}" in err


def test_a_file_without_claims_says_what_to_do(run: Run, built: Path) -> None:
    save(load(built).network, built)
    code, _, err = run("check", built)
    assert code == 2
    assert "carries no claims" in err
    assert "python -m certify" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("build", "unicorn", "-o", "x.onnx"), "no construction 'unicorn'"),
        (("build",), "Say what to build"),
        (("build", "hinge-bumps", "--delta", "1/20", "-o", "x.onnx"), "built from labelled points"),
        (("build", "hinge-bumps", "--data", "DATA", "-o", "x.onnx"), "needs --delta"),
        (("build", "hinge-bumps", "--data", "DATA", "--delta", "much", "-o", "x.onnx"), "must be a number"),
        (("build", "hinge-bumps", "--data", "DATA", "--delta", "1", "-o", "x.onnx"), "admissible"),
        (("build", "hinge-bumps", "--data", "DATA", "--delta", "-1", "-o", "x.onnx"), "delta"),
        (("build", "hinge-bumps", "--data", "nowhere.npz", "--delta", "1/20", "-o", "x.onnx"), "nowhere.npz"),
        (("build", "hinge-bumps", "--data", "DATA", "--delta", "1/20", "-o", "x.docx"), "Cannot tell the format"),
        (("build", "hinge-bumps", "--data", "DATA", "--delta", "1/20", "-o", "/nowhere/x.onnx"), "/nowhere"),
        (("build", "hinge-bumps", "--index", "0:3", "--delta", "1/20", "-o", "x.onnx"), "--index chooses from"),
        (("build", "cgro", "--data", "DATA", "--delta", "1/20", "-o", "x.onnx"), "needs --clean MODEL"),
        (("build", "hard-set-solver", "--d", "2.5", "--eps", "1/8", "-o", "x.onnx"), "must be a whole number"),
        (("build", "hinge-bumps", "--data", "DATA", "--delta", "1/20", "-o", "."), "it is a folder"),
        (("check", "nowhere.onnx"), "no file nowhere.onnx"),
        (("train", "feature-averaging", "-o", "x.foo"), "Cannot tell the format of x.foo"),
        (("train", "feature-averaging", "-o", "nowhere/x.onnx"), "there is no folder nowhere"),
        (("train", "feature-averaging", "-o", "x.onnx", "--test-points", "x.txt"), "Use .npz or .csv"),
        (("train", "feature-averaging", "-o", "x.onnx", "--test-points", "x.npz", "--test-count", "0"), "at least 1"),
        (("train", "feature-averaging", "-o", "x.onnx", "--steps", "-1"), "-1 steps have no meaning"),
        (("separation", "--data", "DATA", "--delta", "-1"), "radius must be a number >= 0"),
        (("separation", "--data", "cats"), "Unknown data set 'cats'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    run: Run, data: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(data.parent)
    code, out, err = run(*(str(data) if word == "DATA" else word for word in words))
    assert code == 2, out
    assert message in err
    assert err.startswith("error: ")
    assert len(err.strip().splitlines()) == 1
    assert not (data.parent / "x.onnx").exists()


def test_the_separation_is_printed_and_given_to_programs(run: Run, data: Path) -> None:
    code, out, _ = run("separation", "--data", data, "--norm", "inf", "--delta", "1/100", "--same")
    assert code == 0
    assert "different labels: distance 0.250000..0.250000" in out
    assert "epsilon (half the distance between classes): 0.125000" in out
    assert "delta/epsilon = 0.0801, admissible" in out
    code, out, _ = run("separation", "--data", data, "--norm", "inf", "--json")
    facts = json.loads(out)
    assert (facts["points"], facts["width"], facts["epsilon"]) == (8, 2, "1/8")


def test_points_given_from_python_travel_inside_a_small_file(run: Run, tmp_path: Path) -> None:
    from constructions import files, memorizer

    made = memorizer.hinge_bumps([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]], [1, -1, 1], delta=0.125)
    files.save(made, tmp_path / "net.onnx")
    assert run("check", tmp_path / "net.onnx")[0] == 0


@pytest.mark.parametrize(
    ("words", "promise"),
    [
        (("hard-set", "--d", "3", "--eps", "1/8"), "Nothing is known of the probability"),
        (("hard-set", "--d", "6", "--eps", "1/10", "--size", "20"), "is at most 2^-"),
        (("hard-set", "--d", "6", "--eps", "1/10", "--widths", "6-3-1"), "widths 6-3-1"),
        (("grid", "--d", "2", "--eps", "1/8"), "classes at least 1/4 apart"),
        (("clusters", "--k", "4", "--d", "8", "--count", "50"), "features are orthogonal"),
        (
            ("clusters", "--k", "4", "--d", "8", "--count", "50", "--by-cluster", "--features", "axis"),
            "labels are clusters",
        ),
        (
            ("manifold", "--manifold", "torus:k=1,radius=1/2", "--level", "linear:0,1", "--eps", "1/10"),
            "on the manifold",
        ),
    ],
)
def test_samples_are_seeded_and_say_what_is_guaranteed(
    run: Run, tmp_path: Path, words: tuple[str, ...], promise: str
) -> None:
    first, second, other = (tmp_path / name for name in ("first.npz", "second.npz", "other.npz"))
    code, out, err = run("sample", *words, "-o", first)
    assert (code, err) == (0, "")
    assert promise in out
    run("sample", *words, "-o", second)
    run("sample", *words, "--seed", "5", "-o", other)
    found = [np.load(path) for path in (first, second, other)]
    assert (found[0]["x"] == found[1]["x"]).all()
    assert (found[0]["y"] == found[1]["y"]).all()
    assert (
        found[0]["x"].shape != found[2]["x"].shape
        or (found[0]["x"] != found[2]["x"]).any()
        or (found[0]["y"] != found[2]["y"]).any()
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("hard-set", "--d", "40", "--eps", "1/100"), "points"),
        (("hard-set", "--d", "3", "--eps", "1/8", "--widths", "3-x-1"), "--widths is like"),
        (("clusters", "--k", "9", "--d", "4"), "9"),
        (("manifold", "--manifold", "bottle", "--level", "waves:3", "--eps", "1/10"), "no manifold 'bottle'"),
    ],
)
def test_impossible_samples_are_refused(run: Run, tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    code, _, err = run("sample", *words, "-o", tmp_path / "x.npz")
    assert code == 2
    assert message in err
    assert not (tmp_path / "x.npz").exists()


SMALL = ("--preset", "fast", "--d", "60", "--k", "4", "--samples", "80")


@pytest.mark.parametrize(
    ("words", "outputs"),
    [
        (("feature-averaging", *SMALL), 1),
        (("feature-decoupled", *SMALL, "--readout", "max"), 1),
        (("feature-decoupled", *SMALL, "--readout", "sum"), 1),
        (("feature-decoupled", *SMALL, "--readout", "none"), 4),
    ],
)
def test_trained_networks_are_right_on_fresh_points(
    run: Run, tmp_path: Path, words: tuple[str, ...], outputs: int
) -> None:
    net, fresh = tmp_path / "net.safetensors", tmp_path / "fresh.npz"
    code, out, _ = run("train", *words, "-o", net, "--test-points", fresh, "--test-count", "30")
    assert code == 0
    assert "(growth law: " in out
    network, points = load(net).network, np.load(fresh)
    assert network.output_width == outputs
    assert (predictions(network, points["x"]) == points["y"]).mean() > 0.9


def test_a_training_that_was_interrupted_goes_on_to_the_same_network(run: Run, tmp_path: Path) -> None:
    words = ("train", "feature-averaging", *SMALL, "--checkpoint", tmp_path / "state")
    run(*words, "-o", tmp_path / "first.safetensors")
    run(*words, "-o", tmp_path / "again.safetensors")
    assert load(tmp_path / "first.safetensors").network.digest == load(tmp_path / "again.safetensors").network.digest


def test_a_classifier_is_trained_against_an_adversary(run: Run, data: Path, tmp_path: Path) -> None:
    words = ("--data", data, "--hidden", "16", "--epochs", "2", "--every", "2", "--adversarial", "--delta", "1/50")
    code, out, _ = run("train", "classifier", *words, "-o", tmp_path / "net.onnx")
    assert code == 0
    assert "robust means at linf radius 0.02, under PGD" in out
    assert load(tmp_path / "net.onnx").network.output_width == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("feature-averaging", *SMALL, "--sigma", "-1"), "noise"),
        (("feature-averaging", *SMALL, "--k", "90"), "90"),
        (("feature-averaging", *SMALL, "--device", "tpu"), "tpu"),
        (("classifier", "--data", "digits", "--hidden", "a"), "--hidden is like"),
        (("classifier", "--data", "digits", "--rate", "-1"), "learning rate"),
        (("classifier", "--data", "digits", "--norm", "1"), "l2 or linf"),
    ],
)
def test_impossible_trainings_are_refused(run: Run, tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    code, _, err = run("train", *words, "-o", tmp_path / "x.onnx")
    assert code == 2
    assert message in err.splitlines()[-1]
    assert not (tmp_path / "x.onnx").exists()
