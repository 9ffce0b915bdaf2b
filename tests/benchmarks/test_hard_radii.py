"""Radii of robust nets: the benchmark's rows are closed, and a mixed-integer program finds the same."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import scip
from benchmarks.hard_radii import Plan, report
from benchmarks.robust_nets import HARD, decoupled
from certify.deadline import Deadline
from certify.solvers.two_layer.solver import TwoLayerSolver
from tests.two_layer.nets import asked, net, solved

NETS = dict.fromkeys(("decoupled k = 40", "noisy decoupled m = 20", "random m = 40"), 1e-6)


def test_robust_nets_are_closed_alone_and_in_batches_and_a_missing_peer_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scip, "installed", lambda: False)
    rows = report(tmp_path, Plan(64, NETS, 1, (2,), 1, 60.0, 1.0, 100))
    assert [row.net for row in rows] == list(NETS)
    for row in rows:
        assert row.closed == len(row.gaps) == 1
        assert row.cells()[-2] == "not installed"
    shown = (tmp_path / "exact-radii-hard.csv").read_text().splitlines()
    assert len(shown) == 1 + len(NETS)


def test_points_of_the_robust_nets_are_classified_as_labelled() -> None:
    for name in NETS:
        made = HARD[name](64, 6)
        signs = np.sign(made.network.evaluate(made.data.points)[:, 0])
        np.testing.assert_array_equal(signs, 2 * made.data.labels - 1)


def test_chords_alone_find_the_same_radii_in_more_nodes() -> None:
    made = decoupled(16, 64, 6)
    queries = asked(made.network, made.data.points[:2], made.data.labels[:2])
    none = np.zeros(len(queries), dtype=bool)
    solvers = (TwoLayerSolver(made.network), TwoLayerSolver(made.network, quadratic=False))
    ours, chords = (s.solve(queries, none, tolerance=1e-4, deadline=Deadline.never()) for s in solvers)
    np.testing.assert_allclose(chords.radius, ours.radius, rtol=2e-4)
    assert (chords.unsplit < 0.5 * ours.unsplit).all()
    assert (ours.unsplit <= (1 + 2e-4) * ours.radius).all()
    assert (ours.nodes <= 5).all()
    assert (chords.nodes > 10 * ours.nodes).all()


@pytest.mark.parametrize("seed", range(2))
def test_scip_finds_the_radius_of_medium_networks(seed: int) -> None:
    pytest.importorskip("pyscipopt")
    rng = np.random.default_rng(seed)
    weight, bias, readout = rng.normal(size=(8, 5)), rng.normal(size=8), rng.normal(size=8)
    point = rng.normal(size=5)
    start = weight @ point + bias
    offset = 0.5 - float(readout @ np.maximum(start, 0))
    (answer,) = solved(asked(net(weight, bias, readout, offset), point, [1]))
    found = scip.nearest(weight, start, readout, offset, radius=1.5 * answer.upper, seconds=60.0)
    assert found.upper == pytest.approx(answer.upper, rel=1e-4)
    assert found.lower == pytest.approx(answer.lower, rel=1e-4)
