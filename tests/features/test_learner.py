"""The two-layer learner: what it learns is known exactly, grows as predicted, and survives being killed."""

import dataclasses as dc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from certify.errors import InvalidInput
from certify.io import writers
from certify.io.models import load
from certify.query import predictions
from constructions.distributions import ClusterDistribution, Clusters, Sample
from constructions.training import (
    Checkpoint,
    Descent,
    KClassSettings,
    Progress,
    Trained,
    TrainingDiverged,
    TwoClassSettings,
    find_preset,
    train_k_class,
    train_two_class,
)
from constructions.training.growth import predicted_lambda
from constructions.training.learner import Session
from constructions.training.presets import Power

CLUSTERS = Clusters.orthogonal(6, 400, seed=0)
SAMPLE = ClusterDistribution(CLUSTERS, 1.0).sample(300, 1)
RULE = Descent(3.07 / 400, 100)
TWO = TwoClassSettings(3, 1e-5, 1e-5, RULE)
MANY = KClassSettings(2, 1e-5, RULE)


@pytest.fixture(scope="module")
def two() -> Trained:
    return train_two_class(TWO, CLUSTERS, SAMPLE)


@pytest.fixture(scope="module")
def many() -> Trained:
    return train_k_class(MANY, CLUSTERS, SAMPLE)


def steps_of_autograd(settings: TwoClassSettings, steps: int) -> torch.Tensor:
    """The first layer after plain gradient descent by torch's own derivatives, in float64."""
    start = train_two_class(dc.replace(settings, descent=dc.replace(RULE, steps=0, double=True)), CLUSTERS, SAMPLE)
    weight, bias = (
        torch.tensor(a, requires_grad=True) for a in (start.decomposition.final.weight, start.decomposition.final.bias)
    )
    x, y, m = torch.as_tensor(SAMPLE.points), torch.as_tensor(SAMPLE.label).double(), settings.m
    for _ in range(steps):
        hidden = F.relu(x @ weight.T + bias)
        loss = F.softplus(-y * (hidden[:, :m].mean(dim=1) - hidden[:, m:].mean(dim=1))).mean()
        slopes = torch.autograd.grad(loss, (weight, bias))
        with torch.no_grad():
            weight -= RULE.step * slopes[0]
            bias -= RULE.step * slopes[1]
    return torch.cat([weight, bias[:, None]], dim=1).detach()


def test_the_two_class_net_is_that_of_gradient_descent_with_automatic_derivatives() -> None:
    settings = TwoClassSettings(2, 0.1, 0.1, dc.replace(RULE, steps=20, double=True))
    made = train_two_class(settings, CLUSTERS, SAMPLE).decomposition.final
    expected = steps_of_autograd(settings, 20).numpy()
    assert np.allclose(np.column_stack([made.weight, made.bias]), expected, rtol=0, atol=1e-12)


def test_one_step_of_the_k_class_net_is_that_of_automatic_derivatives() -> None:
    settings = KClassSettings(2, 0.1, dc.replace(RULE, steps=1, double=True))
    made = train_k_class(settings, CLUSTERS, SAMPLE).decomposition
    weight = torch.tensor(made.initial.weight, requires_grad=True)
    x, y = torch.as_tensor(SAMPLE.points), torch.as_tensor(SAMPLE.cluster)
    outputs = F.relu(x @ weight.T).reshape(len(x), CLUSTERS.k, 2).mean(dim=2)
    (slope,) = torch.autograd.grad(F.cross_entropy(outputs, y), weight)
    assert np.allclose(made.final.weight, made.initial.weight - RULE.step * slope.numpy(), rtol=0, atol=1e-13)


@pytest.mark.parametrize("which", ["two", "many"])
def test_the_decomposition_accounts_for_everything_that_was_learned(which: str, request: pytest.FixtureRequest) -> None:
    learned = request.getfixturevalue(which).decomposition
    assert learned.weight_error() < 1e-5
    assert learned.bias_error() < 1e-5
    measured = (learned.final.weight - learned.initial.weight) @ CLUSTERS.features.T
    noise = learned.noise_part @ CLUSTERS.features.T
    assert np.allclose(learned.lam, measured - noise, rtol=0, atol=1e-4)  # orthogonal features read lambda off


def test_the_learned_bias_is_the_sum_of_lambda_over_d(two: Trained) -> None:
    learned = two.decomposition
    moved = learned.final.bias - learned.initial.bias
    assert np.allclose(moved, learned.lam.sum(axis=1) / CLUSTERS.d, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("which", ["two", "many"])
def test_own_coefficients_never_shrink_and_the_others_never_grow(which: str, request: pytest.FixtureRequest) -> None:
    history = request.getfixturevalue(which).history
    assert len(history.steps) > 20
    assert history.largest_reversal() == 0.0
    assert (history.lam[-1][history.own] > 0).all()
    assert (history.lam[-1][~history.own] < 0).any()


@pytest.mark.parametrize("which", ["two", "many"])
def test_coefficients_grow_as_the_closed_form_says(which: str, request: pytest.FixtureRequest) -> None:
    settings, trained = (TWO, MANY)[which == "many"], request.getfixturevalue(which)
    history = trained.history
    for step in (history.steps[history.steps >= 20][0], 100):
        at = int(np.flatnonzero(history.steps == step)[0])
        predicted = predicted_lambda(settings, d=CLUSTERS.d, k=CLUSTERS.k, steps=int(step))
        assert history.lam_mean[at] == pytest.approx(predicted, rel=0.10)


def test_two_classes_average_and_many_decouple(two: Trained, many: Trained) -> None:
    assert two.decomposition.largest_ratio() < 1.6
    cosines = two.decomposition.cosines()
    assert np.abs(cosines[two.decomposition.own] - 1 / np.sqrt(3)).max() < 0.06
    assert many.decomposition.cosines()[many.decomposition.own].min() > 0.97
    assert np.abs(many.decomposition.lam[~many.decomposition.own]).max() < 0.1 * many.history.lam_mean[-1]
    assert (two.decomposition.noise_share() < 0.25).all()


def test_history_starts_at_chance_and_ends_at_the_net(two: Trained) -> None:
    assert two.history.loss[0] == pytest.approx(np.log(2), abs=1e-3)
    assert two.history.steps[[0, -1]].tolist() == [0, 100]
    assert np.allclose(two.history.lam[-1], two.decomposition.lam, rtol=1e-12, atol=0)
    outputs = two.network.evaluate(SAMPLE.points)[:, 0]
    assert two.history.accuracy[-1] == (outputs * SAMPLE.label > 0).mean() == 1.0
    assert two.history.loss[-1] == pytest.approx(np.logaddexp(0, -SAMPLE.label * outputs).mean(), rel=1e-4)


def test_a_seed_decides_the_net(two: Trained) -> None:
    assert train_two_class(TWO, CLUSTERS, SAMPLE).network.digest == two.network.digest
    other = dc.replace(TWO, descent=dc.replace(RULE, seed=1))
    assert train_two_class(other, CLUSTERS, SAMPLE).network.digest != two.network.digest


class Killed(Exception):
    """Stands for the end of the process."""


def killed_at(step: int) -> Callable[[Progress], None]:
    def watch(progress: Progress) -> None:
        if progress.step == step:
            raise Killed

    return watch


@pytest.mark.parametrize("which", ["two", "many"])
@pytest.mark.parametrize("step", [3, 30, 99])
def test_a_killed_run_continues_to_the_same_net(
    which: str, step: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    whole = request.getfixturevalue(which)
    kept = Checkpoint(tmp_path / "run.ckpt", every=10)
    seen: list[int] = []

    def run(session: Session) -> Trained:
        if which == "two":
            return train_two_class(TWO, CLUSTERS, SAMPLE, session=session)
        return train_k_class(MANY, CLUSTERS, SAMPLE, session=session)

    with pytest.raises(Killed):
        run(Session(checkpoint=kept, on_progress=killed_at(step)))
    resumed = run(Session(checkpoint=kept, on_progress=lambda progress: seen.append(progress.step)))
    assert seen == list(range(step // 10 * 10, 101))
    assert resumed.network.digest == whole.network.digest
    assert np.array_equal(resumed.decomposition.alpha, whole.decomposition.alpha)
    assert np.array_equal(resumed.history.lam, whole.history.lam)
    assert np.array_equal(resumed.history.loss, whole.history.loss)
    assert list(tmp_path.iterdir()) == [tmp_path / "run.ckpt"]


def test_another_runs_checkpoint_is_refused(tmp_path: Path) -> None:
    kept = Session(checkpoint=Checkpoint(tmp_path / "run.ckpt", every=10))
    train_two_class(TWO, CLUSTERS, SAMPLE, session=kept)
    for settings, sample in (
        (dc.replace(TWO, m=2), SAMPLE),
        (TWO, dc.replace(SAMPLE, points=SAMPLE.points * 2)),
    ):
        with pytest.raises(InvalidInput, match="belongs to a run with other settings or other data"):
            train_two_class(settings, CLUSTERS, sample, session=kept)
    (tmp_path / "run.ckpt").write_bytes(b"nonsense")
    with pytest.raises(InvalidInput, match="no training checkpoint"):
        train_two_class(TWO, CLUSTERS, SAMPLE, session=kept)
    with pytest.raises(InvalidInput, match="every 0 steps"):
        Checkpoint(tmp_path / "run.ckpt", every=0)


def test_training_that_diverges_stops_with_the_step_and_the_loss() -> None:
    chance = np.random.default_rng(0)
    mixed = Clusters.gaussian(2, 3, seed=0)  # labels that no net of this kind fits
    cluster = chance.integers(2, size=200)
    sample = Sample(chance.standard_normal((200, 3)), cluster, np.where(cluster == 0, 1, -1))
    wild = TwoClassSettings(1, 1.0, 1.0, Descent(1e4, 50))
    with pytest.raises(TrainingDiverged, match=r"diverged at step \d+: the loss is .*step size below 10000") as caught:
        train_two_class(wild, mixed, sample)
    assert 1 <= caught.value.step < 50
    assert caught.value.loss > 6.9


def test_settings_and_samples_of_no_meaning_are_refused() -> None:
    for step in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InvalidInput, match="step size"):
            Descent(step, 10)
    with pytest.raises(InvalidInput, match="0 neurons"):
        TwoClassSettings(0, 1.0, 1.0, RULE)
    with pytest.raises(InvalidInput, match="-1"):
        KClassSettings(1, -1.0, RULE)
    with pytest.raises(InvalidInput, match="Device 'abacus' is unknown"):
        train_two_class(TWO, CLUSTERS, SAMPLE, session=Session(device="abacus"))
    flipped = SAMPLE.label * np.where(SAMPLE.cluster == 0, -1, 1)
    with pytest.raises(InvalidInput, match=r"cluster 0 has the label -1"):
        train_two_class(TWO, CLUSTERS, dc.replace(SAMPLE, label=flipped))
    with pytest.raises(InvalidInput, match="300 points of 400 numbers do not fit features in 8"):
        train_two_class(TWO, Clusters.axis(6, 8), SAMPLE)


def test_presets_have_the_published_numbers() -> None:
    paper, slides = find_preset("paper"), find_preset("slides")
    assert (paper.d, paper.k, paper.samples, paper.m, paper.h, paper.steps) == (3072, 10, 1000, 5, 1, 100)
    assert paper.two_class() == TwoClassSettings(5, 1e-5, 1e-5, Descent(1e-3, 100))
    assert paper.k_class() == KClassSettings(1, 1e-5, Descent(1e-3, 100))
    assert paper.kick() == pytest.approx(39.2, abs=0.1)
    made = dc.replace(slides, d=3072).two_class()
    assert made.weight_std**2 == pytest.approx(1 / 3072)
    assert made.bias_std == pytest.approx(1 / 3072)
    assert made.descent.step == pytest.approx(3072**-0.5)
    assert dc.replace(slides, d=3072).kick() == pytest.approx(0.39, abs=0.005)
    with pytest.raises(InvalidInput, match="Use one of: paper, slides, fast"):
        find_preset("thesis")


def test_the_kick_of_a_preset_is_that_of_the_catalogue() -> None:
    from bounds import Enclosed, catalogue

    for name in ("paper", "slides", "fast"):
        p = dc.replace(find_preset(name), d=2500)
        letters = {"eta": p.step.at(2500), "d": 2500, "m": p.m, "k": p.k, "sigma_w": p.weight_std.at(2500)}
        value = catalogue["training.two-class.kick"].evaluate(**letters)
        assert isinstance(value, Enclosed)
        assert p.kick() == pytest.approx(float(value.lower), rel=1e-12)


def test_the_fast_preset_trains_both_nets_to_full_test_accuracy() -> None:
    preset = find_preset("fast")
    clusters = Clusters.orthogonal(preset.k, preset.d, seed=0)
    distribution = ClusterDistribution(clusters, preset.sigma)
    sample, fresh = distribution.sample(preset.samples, 1), distribution.sample(500, 2)
    two = train_two_class(preset.two_class(), clusters, sample)
    many = train_k_class(preset.k_class(), clusters, sample)
    assert np.array_equal(predictions(two.network, fresh.points) == 1, fresh.label == 1)
    assert np.array_equal(predictions(many.network, fresh.points), fresh.cluster)


def test_a_slides_like_start_leaves_the_neurons_unlike_their_average() -> None:
    rule = Descent(Power(1.0, -0.5).at(400), 200, double=True)
    started = train_two_class(TwoClassSettings(3, 400**-0.5, 1 / 400, rule), CLUSTERS, SAMPLE)
    assert started.decomposition.largest_ratio() > 2
    assert started.decomposition.weight_error() < 1e-9


def test_double_precision_only_sharpens_the_identities(two: Trained) -> None:
    fine = train_two_class(dc.replace(TWO, descent=dc.replace(RULE, double=True)), CLUSTERS, SAMPLE)
    assert fine.decomposition.weight_error() < 1e-12
    assert np.allclose(fine.decomposition.lam, two.decomposition.lam, rtol=1e-3, atol=1e-4)


def test_a_trained_net_opens_again_from_its_file(two: Trained, tmp_path: Path) -> None:
    path = tmp_path / "two.safetensors"
    writers.save(two.network, path)
    assert load(path).network.digest == two.network.digest


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_learns_the_same_coefficients(two: Trained) -> None:
    there = train_two_class(TWO, CLUSTERS, SAMPLE, session=Session(device="cuda"))
    assert there.decomposition.weight_error() < 1e-4
    assert np.allclose(there.decomposition.lam, two.decomposition.lam, rtol=1e-3, atol=1e-4)
