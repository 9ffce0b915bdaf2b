"""The benchmarks of feature averaging at tiny sizes: what the theory predicts, and what is written."""

import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks import (
    constructed_vs_trained,
    feature_matrix,
    feature_robustness,
    radius_scaling,
    robust_overfitting,
    training_dynamics,
)
from benchmarks.cluster_nets import MAX, SUM, TWO, scaled
from constructions.training import find_preset

TINY = scaled(find_preset("fast"), d=96, k=4)


def written(out: Path, stem: str) -> list[str]:
    """The data rows of the table; all four files must be there."""
    assert all((out / f"{stem}.{kind}").stat().st_size > 0 for kind in ("svg", "pdf", "csv", "md"))
    return (out / f"{stem}.csv").read_text().splitlines()[1:]


@pytest.fixture(scope="module")
def robustness_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("robustness")


@pytest.fixture(scope="module")
def judged(robustness_out: Path) -> tuple[list[feature_robustness.Judged], list[feature_robustness.Judged]]:
    plan = feature_robustness.Plan(TINY, points=10, train_images=150, images=3, hidden=6, epochs=3, seconds=5.0)
    return feature_robustness.report(robustness_out, plan, None)


def test_no_attack_reports_less_than_what_is_proved(judged: tuple) -> None:
    for one in (*judged[0], *judged[1]):
        assert (one.proved <= one.broken).all()
        assert (one.proved <= one.pgd).all()
        assert (one.proved <= one.strengthened).all()


def test_on_clusters_the_exact_radius_is_found_and_plain_pgd_overstates_the_sum(judged: tuple) -> None:
    nets = {one.net: one for one in judged[0]}
    assert set(nets) == {TWO, SUM, MAX}
    for one in nets.values():
        np.testing.assert_allclose(one.brackets.lower, one.brackets.upper, rtol=2e-3)
    two, summed, most = (nets[name].brackets.lower.mean() for name in (TWO, SUM, MAX))
    assert two < summed < most
    assert nets[SUM].pgd.sum() > 1.05 * nets[SUM].proved.sum()


def test_figures_and_tables_are_written_without_published_numbers_of_another_scale(
    judged: tuple, robustness_out: Path
) -> None:
    rows = written(robustness_out, "feature-robustness")
    assert len(rows) == 3 * len(feature_robustness.PAPER_GRID)
    assert all(row.split(",")[-5] == "" for row in rows)
    assert len(written(robustness_out, "feature-robustness-images")) == 2 * len(feature_robustness.IMAGE_GRID["digits"])
    assert (robustness_out / "feature-robustness-radii.csv").exists()
    assert judged


def test_two_labels_average_features_and_k_labels_separate_them(tmp_path: Path) -> None:
    plan = feature_matrix.Plan(scaled(find_preset("fast"), d=400, k=4), images=150, epochs=1)
    two, many, *images = feature_matrix.report(tmp_path, plan, None)
    assert two.cosines[two.own].mean() == pytest.approx(1 / math.sqrt(2), abs=0.05)
    assert np.abs(two.cosines[~two.own]).max() < 0.15
    assert np.diag(many.cosines).min() > 0.95
    assert np.array_equal(np.diag(np.diag(many.own)), many.own)
    assert [matrix.cosines.shape for matrix in images] == [(10, 10), (10, 10)]
    assert len(written(tmp_path, "feature-matrix")) == 4


def test_slopes_of_constructed_nets_are_those_of_the_catalogue_and_trained_ones_follow(tmp_path: Path) -> None:
    plan = radius_scaling.Plan(ks=(4, 8), at_d=160, ds=(80, 160), at_k=4, points=4)
    rows, slopes = radius_scaling.report(tmp_path, plan)
    found = {(slope.over, slope.net): slope for slope in slopes}
    for net in (radius_scaling.ROBUST, radius_scaling.AVERAGED, radius_scaling.DECOUPLED_SUM, "decoupled, max"):
        for over in ("k", "d"):
            assert found[over, net].measured == pytest.approx(found[over, net].predicted, abs=1e-5)
    assert found["k", radius_scaling.AVERAGED].predicted == pytest.approx(-0.5, abs=1e-12)
    assert found["k", radius_scaling.DECOUPLED_MAX].predicted == pytest.approx(0, abs=1e-12)
    assert found["k", TWO].measured < -0.3 < found["k", MAX].measured
    assert len(written(tmp_path, "radius-scaling")) == len(rows) == 4 * len(radius_scaling.ENTRIES)
    assert (tmp_path / "radius-scaling-slopes.csv").exists()


def test_coefficients_follow_the_growth_law_and_the_slides_initialisation_averages_worse(tmp_path: Path) -> None:
    plan = training_dynamics.Plan(d=200, k=4, steps={"paper": 200, "slides": 60}, stops=3, points=4)
    found = training_dynamics.report(tmp_path, plan)
    last = found["paper"][-1]
    history = last.trained.history
    assert history.lam_mean[-1] == pytest.approx(last.growth, rel=0.1)
    assert history.largest_reversal() <= 1e-6
    assert last.trained.decomposition.weight_error() < 1e-4
    ratios = {name: stops[-1].trained.decomposition.largest_ratio() for name, stops in found.items()}
    assert ratios["paper"] < 1.6 < ratios["slides"]
    assert found["slides"][0].radius.mean() < found["paper"][0].radius.mean()
    assert len(written(tmp_path, "training-dynamics")) == 6


def test_a_shorter_run_is_the_beginning_of_a_longer_one() -> None:
    plan = training_dynamics.Plan(d=40, k=4, steps={"paper": 20, "slides": 20}, stops=2, points=2)
    preset = training_dynamics.presets(plan)["paper"]
    assert preset.step.at(plan.d) * plan.d == pytest.approx(3.07)
    assert preset.steps == 20


@pytest.fixture(scope="module")
def found(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[list[constructed_vs_trained.Row], list[constructed_vs_trained.Ranking], Path]:
    out = tmp_path_factory.mktemp("ranks")
    plan = constructed_vs_trained.Plan(
        scaled(find_preset("fast"), d=32, k=4), points=3, memorised=4, epochs=2, seconds=0.2
    )
    return (*constructed_vs_trained.report(out, plan), out)


def test_certifiers_stay_on_their_side_of_the_bracket(found: tuple) -> None:
    for row in found[0]:
        assert row.means["Lipschitz"] <= row.brackets.upper.mean() * (1 + 1e-9)
        assert row.means["CROWN"] <= row.brackets.upper.mean() * (1 + 1e-9)


def test_a_lipschitz_certifier_puts_f_robust_below_the_averaged_net_and_proofs_reverse_it(found: tuple) -> None:
    robust, averaged = found[0][:2]
    assert (robust.entrant.name, averaged.entrant.name) == ("f_robust, β = 1/4", "averaged")
    assert robust.means["Lipschitz"] < averaged.means["Lipschitz"]
    assert robust.brackets.lower.mean() > averaged.brackets.upper.mean()
    assert found[1][0].judge == "Lipschitz"
    assert found[1][0].wrong > 0


def test_a_memorizer_is_not_broken_within_its_promised_radius(found: tuple) -> None:
    promised = [row for row in found[0] if row.entrant.entry == "promised radius"]
    assert len(promised) == 2
    for row in promised:
        assert (row.brackets.upper >= row.entrant.predicted).all()


def test_every_net_has_its_row(found: tuple) -> None:
    assert len(written(found[2], "constructed-vs-trained")) == len(found[0]) == 13
    assert (found[2] / "constructed-vs-trained-ranking.csv").exists()


def test_proved_accuracies_lie_below_those_of_pgd_on_the_same_points(tmp_path: Path) -> None:
    plan = robust_overfitting.Plan(40, 60, 8, 20, 10, (10, 20), certified=5, seconds=5.0)
    [curve] = robust_overfitting.report(tmp_path, plan, None)
    for found in curve.proved:
        assert found.train[1] <= found.train[0]
        assert found.test[1] <= found.test[0]
    assert curve.possible == 1.0
    assert [epoch.epoch for epoch in curve.epochs] == [10, 20]
    assert len(written(tmp_path, "robust-overfitting")) == 2
