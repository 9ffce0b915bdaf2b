import contextlib
import dataclasses as dc
import math
from pathlib import Path

import numpy as np
import pytest

from certify.errors import InvalidInput, SelfCheckFailed, UnsupportedModel
from certify.network import Affine, Network, ReLU
from certify.outcome import Status
from certify.query import predictions
from certify.radius import Certifier, Settings
from certify.record import Record, encode
from certify.region import Box, Norm
from certify.run import Job, describe_domain, execute, identity
from certify.store import Store
from tests.run.fakes import FakeCertifier, tiny_network, tiny_points


def job(count: int, settings: Settings | None = None) -> Job:
    points, labels = tiny_points(count)
    return Job(tiny_network(), points, labels, np.arange(count) * 10, settings or Settings())


def run(engine: FakeCertifier, folder: Path, work: Job, *, resume: bool = False) -> list[Record]:
    shown: list[Record] = []
    with Store.open(folder, identity({}, work.settings), resume=resume) as store:
        execute(work, engine, store, clock=lambda: 0.0, on_row=shown.append)
        assert [r.index for r in store.rows[len(store.rows) - len(shown) :]] == [r.index for r in shown]
        return sorted(store.rows, key=lambda r: r.index)


def test_every_input_gets_its_own_answer(tmp_path: Path) -> None:
    work, engine = job(10), FakeCertifier(tiny_network())
    rows = run(engine, tmp_path / "run", work)
    assert [r.index for r in rows] == work.indices.tolist()
    for i, row in enumerate(rows):
        expected = engine.answer(work.points[i], int(work.labels[i]), 0.0)
        assert (row.answer.lower, row.answer.upper) == (expected.lower, expected.upper)
        assert row.answer.label == work.labels[i]
    assert engine.calls == [10]


def part(work: Job, start: int, stop: int) -> Job:
    chosen = slice(start, stop)
    return dc.replace(work, points=work.points[chosen], labels=work.labels[chosen], indices=work.indices[chosen])


def test_only_batches_with_a_missing_row_are_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certify.run.batch_size", lambda _network: 4)
    work = job(10)
    run(FakeCertifier(tiny_network()), tmp_path / "run", part(work, 2, 8))
    engine = FakeCertifier(tiny_network())
    assert len(run(engine, tmp_path / "run", work, resume=True)) == 10
    assert engine.calls == [4 + 2]
    again = FakeCertifier(tiny_network())
    assert len(run(again, tmp_path / "run", work, resume=True)) == 10
    assert again.calls == []


def test_a_recomputed_answer_that_contradicts_the_stored_one_stops_the_run(tmp_path: Path) -> None:
    work = job(10)

    class Doubling(FakeCertifier):
        def answer(self, point, label, seconds):  # type: ignore[no-untyped-def]
            found = super().answer(point, label, seconds)
            return dc.replace(found, lower=2 * found.lower, upper=2 * found.upper)

    run(Doubling(tiny_network()), tmp_path / "run", part(work, 0, 5))
    with pytest.raises(SelfCheckFailed, match="computed twice, and the answers contradict each other"):
        run(FakeCertifier(tiny_network()), tmp_path / "run", work, resume=True)


@pytest.mark.parametrize("problem", [RuntimeError("CUDA out of memory"), MemoryError("big"), ValueError("odd")])
def test_one_input_that_breaks_its_batch_costs_the_others_nothing(tmp_path: Path, problem: Exception) -> None:
    work = job(13)
    engine = FakeCertifier(tiny_network(), batch=5, fail=(float(work.points[6, 0]),), problem=problem)
    rows = run(engine, tmp_path / "run", work)
    failed = [r for r in rows if r.answer.status is Status.ERROR]
    assert [r.index for r in failed] == [60]
    assert failed[0].answer.reason == f"{type(problem).__name__}: {problem}"
    assert (failed[0].answer.lower, failed[0].answer.upper) == (0.0, math.inf)
    assert len(rows) == 13
    assert len(engine.calls) < 10


def test_an_input_without_an_answer_is_an_error_and_not_forgotten(tmp_path: Path) -> None:
    work = job(5)

    class Forgetful(FakeCertifier):
        def certify(self, points, labels, clock):  # type: ignore[no-untyped-def]
            return (pair for pair in super().certify(points, labels, clock) if points[pair[0], 0] != work.points[2, 0])

    rows = run(Forgetful(tiny_network()), tmp_path / "run", work)
    assert [(r.index, r.answer.reason) for r in rows if r.answer.status is Status.ERROR] == [
        (20, "The engine gave no answer.")
    ]


@pytest.mark.parametrize("problem", [SelfCheckFailed("they disagree"), UnsupportedModel("no"), KeyboardInterrupt()])
def test_a_contradiction_or_an_interrupt_stops_the_run_and_keeps_the_finished_rows(
    tmp_path: Path, problem: BaseException
) -> None:
    work = job(12)
    engine = FakeCertifier(tiny_network(), fail=(float(work.points[9, 0]),), problem=problem)
    with pytest.raises(type(problem)):
        run(engine, tmp_path / "run", work)
    with Store.open(tmp_path / "run", identity({}, work.settings), resume=True) as store:
        assert sorted(r.index for r in store.rows) == [10 * i for i in range(8)]


def test_two_answers_about_one_input_stop_the_run(tmp_path: Path) -> None:
    class Stammering(FakeCertifier):
        def certify(self, points, labels, clock):  # type: ignore[no-untyped-def]
            for pair in super().certify(points, labels, clock):
                yield pair
                yield pair

    with pytest.raises(SelfCheckFailed, match="answered twice about input 30"):
        run(Stammering(tiny_network()), tmp_path / "run", job(10))


def test_a_store_with_rows_of_strange_inputs_is_refused(tmp_path: Path) -> None:
    run(FakeCertifier(tiny_network()), tmp_path / "run", job(10))
    with pytest.raises(InvalidInput, match="a row of input 50, which this run does not have"):
        run(FakeCertifier(tiny_network()), tmp_path / "run", job(5), resume=True)


POINTS, LABELS = tiny_points(3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": np.zeros((3, 5))}, "Each input has 5 numbers, the network reads 2"),
        ({"points": np.array([[0, 0], [0, np.nan], [0, 0]])}, "Input 8 has nan at coordinate 1"),
        ({"points": np.array([[0, 0], [0, 0], [-np.inf, 0]])}, "Input 9 has -inf at coordinate 0"),
        ({"labels": np.array([0, 1, 3])}, r"Label 3 of input 2 .* out of range"),
        ({"labels": np.array([0, 1, -1])}, r"Label -1 of input 2"),
        ({"labels": np.array([0, 1])}, r"3 input\(s\), 2 label\(s\)"),
        ({"indices": np.array([7, 8, 7])}, "An index occurs twice"),
        ({"points": np.zeros((0, 2)), "labels": LABELS[:0], "indices": LABELS[:0]}, "at least one"),
        ({"points": POINTS * 255, "settings": Settings(domain=Box.uniform(0.0, 1.0, 2))}, "lies outside the domain by"),
        ({"settings": Settings(domain=Box.uniform(0.0, 1.0, 5))}, "The domain has 5 coordinates, inputs 2"),
    ],
)
def test_inputs_that_make_no_sense_are_refused_before_anything_is_computed(
    change: dict[str, object], message: str
) -> None:
    good = Job(tiny_network(), POINTS, LABELS, np.array([7, 8, 9]), Settings())
    with pytest.raises(InvalidInput, match=message):
        dc.replace(good, **change)


def test_a_runs_identity_holds_each_setting_but_the_device() -> None:
    first = identity({"data": "x"}, Settings())
    assert not first.differences(identity({"data": "x"}, Settings(device="cuda")))
    changes = {
        "norm": Norm.LINF,
        "method": "ibp",
        "domain": Box.uniform(0.0, 1.0, 2),
        "max_radius": 2.0,
        "tolerance": 0.1,
        "seconds": 3.0,
        "seed": 1,
    }
    assert set(changes) | {"device"} == {field.name for field in dc.fields(Settings)}
    for name, value in changes.items():
        (difference,) = first.differences(identity({"data": "x"}, dc.replace(Settings(), **{name: value})))
        assert difference.startswith(name.replace("_", "-"))


def test_a_domain_that_is_no_cube_is_described_by_all_its_ends() -> None:
    assert describe_domain(None) == "none"
    assert describe_domain(Box.uniform(0.0, 1.0, 9)) == "0.0,1.0"
    assert describe_domain(Box(np.array([0.0, 0.5]), np.array([1.0, 1.0]))) == "[0.0, 0.5],[1.0, 1.0]"


def test_the_real_engine_gives_a_resumed_run_the_rows_of_one_that_was_not_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("certify.run.batch_size", lambda _network: 8)
    monkeypatch.setattr("certify.radius.batch_size", lambda _network: 8)
    chance = np.random.default_rng(3)
    layers = [Affine(chance.normal(size=size), chance.normal(size=size[0])) for size in ((12, 4), (3, 12))]
    network = Network.chain([layers[0], ReLU(12), layers[1]])
    points = chance.random((20, 4))
    work = Job(network, points, predictions(network, points), np.arange(20), Settings(norm=Norm.LINF))
    engine = Certifier(network, work.settings)

    def stop_at(count: int, folder: Path) -> list[str]:
        def show(_record: Record) -> None:
            if len(store.rows) == count:
                raise KeyboardInterrupt

        with Store.open(folder, identity({}, work.settings), resume=True) as store:
            with contextlib.suppress(KeyboardInterrupt):
                execute(work, engine, store, clock=lambda: 0.0, on_row=show)
            return sorted(encode(row) for row in store.rows)

    for count in (3, 13):
        assert len(stop_at(count, tmp_path / "cut")) == count
    assert stop_at(99, tmp_path / "cut") == stop_at(99, tmp_path / "whole")
