"""Adversarial training: the attack stays in its ball, training against it pays, and everything follows the seed."""

import dataclasses as dc

import numpy as np
import pytest
import torch

from certify.errors import InvalidInput
from certify.network import Affine, Network, ReLU
from certify.region import Norm
from constructions.theorem import Labelled
from constructions.training import (
    Accuracy,
    Adam,
    MlpSettings,
    Pgd,
    Sgd,
    TrainingDiverged,
    Watch,
    measure,
    train_mlp,
)
from constructions.training.accuracy import margins

NORMS = (Norm.L2, Norm.LINF)


def two_features(count: int, seed: int) -> Labelled:
    """A weak robust coordinate and many strong fragile ones: clean training leans on what an adversary can undo."""
    chance = np.random.default_rng(seed)
    labels = chance.integers(2, size=count)
    signs = 2.0 * labels - 1.0
    robust = signs * np.where(chance.random(count) < 0.9, 1.0, -1.0)
    fragile = 0.15 * signs[:, None] + 0.2 * chance.standard_normal((count, 30))
    return Labelled(np.column_stack([robust, fragile]), labels)


def blobs(count: int, seed: int) -> Labelled:
    """Three classes around the corners of a triangle."""
    chance = np.random.default_rng(seed)
    labels = chance.integers(3, size=count)
    return Labelled(np.eye(3)[labels] + 0.1 * chance.standard_normal((count, 3)), labels)


TRAIN, TEST = two_features(300, 0), two_features(300, 1)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("box", [None, (-0.25, 0.5)])
def test_the_attack_stays_in_ball_and_box_and_ends_worse_than_it_began(
    norm: Norm, box: tuple[float, float] | None
) -> None:
    chance = torch.Generator().manual_seed(0)
    points = torch.rand(40, 6, generator=chance, dtype=torch.float64) * 0.75 - 0.25
    target = torch.randn(6, generator=chance, dtype=torch.float64)
    attack = Pgd(norm, 0.3, steps=60, step=0.1, box=box)
    path = list(attack.walk(lambda at: at @ target, points, chance))
    assert len(path) == 61
    for at in path:
        moves = (at - points).detach()
        assert float(torch.linalg.vector_norm(moves, ord=norm.value, dim=1).max()) <= 0.3 * (1 + 1e-12)
        assert box is None or bool(((at >= box[0]) & (at <= box[1])).all())
    best = 0.3 * float(torch.linalg.vector_norm(target, ord=2 if norm is Norm.L2 else 1))
    gained = (path[-1] - points) @ target
    if box is None:
        assert torch.allclose(gained, torch.full_like(gained, best), rtol=1e-6)
    else:
        assert bool((gained > 0).all())


def test_a_random_start_fills_the_ball() -> None:
    for norm in NORMS:
        start = next(Pgd(norm, 1.0).walk(lambda at: at.sum(1), torch.zeros(4000, 2), torch.Generator().manual_seed(0)))
        lengths = torch.linalg.vector_norm(start, ord=norm.value, dim=1)
        assert float((lengths < 0.5).double().mean()) == pytest.approx(0.25, abs=0.03)


def test_a_tie_has_margin_zero_and_counts_as_wrong() -> None:
    outputs = torch.tensor([[1.0, 1.0, 0.0], [2.0, 1.0, 0.0], [0.0, 1.0, 3.0]])
    assert margins(outputs, torch.tensor([0, 0, 1])).tolist() == [0.0, 1.0, -2.0]
    assert margins(torch.tensor([[2.0], [2.0], [0.0]]), torch.tensor([1, 0, 1])).tolist() == [2.0, -2.0, 0.0]
    flat = Network.chain([Affine(np.zeros((1, 31)), np.zeros(1))])
    assert measure(flat, TEST, Pgd(Norm.L2, 0.1)) == Accuracy(0.0, 0.0)


def test_the_attacked_accuracy_of_a_linear_net_is_its_closed_form() -> None:
    row = np.random.default_rng(0).standard_normal(31)
    net = Network.chain([Affine(row[None, :], np.zeros(1))])
    signed = (2 * TEST.labels - 1) * (TEST.points @ row)
    for norm, dual in ((Norm.L2, 2), (Norm.LINF, 1)):
        found = measure(net, TEST, Pgd(norm, 0.1, steps=20))
        assert found.clean == (signed > 0).mean()
        assert found.robust == (signed > 0.1 * np.linalg.norm(row, ord=dual)).mean()


@pytest.mark.parametrize("norm", NORMS)
def test_adversarial_training_buys_robust_accuracy(norm: Norm) -> None:
    attack = Pgd(norm, 0.2 if norm is Norm.LINF else 0.9, steps=5)
    clean = MlpSettings((16,), 15, optimiser=Adam(1e-2))
    watch = Watch(attack, every=15)
    plain = train_mlp(clean, TRAIN, TEST, watch=watch).epochs[-1]
    hard = train_mlp(dc.replace(clean, attack=attack), TRAIN, TEST, watch=watch).epochs[-1]
    assert plain.test.clean > 0.95
    assert hard.test.robust > plain.test.robust + 0.15
    assert hard.train.robust <= hard.train.clean
    assert hard.loss > plain.loss


def test_the_network_is_the_one_that_was_measured() -> None:
    watch = Watch(Pgd(Norm.LINF, 0.05), every=3)
    trained = train_mlp(MlpSettings((8, 5), 6, optimiser=Sgd(0.05)), TRAIN, TEST, watch=watch)
    assert trained.network.widths == (31, 8, 8, 5, 5, 1)
    assert isinstance(trained.network.nodes[1].op, ReLU)
    assert [epoch.epoch for epoch in trained.epochs] == [3, 6]
    assert measure(trained.network, TEST, watch.attack).clean == trained.epochs[-1].test.clean


def test_many_classes_get_an_output_each() -> None:
    train, test = blobs(300, 0), blobs(200, 1)
    trained = train_mlp(
        MlpSettings((12,), 20, optimiser=Adam(1e-2)), train, test, watch=Watch(Pgd(Norm.L2, 0.1), every=20)
    )
    assert trained.network.output_width == 3
    assert trained.epochs[-1].test.clean > 0.95
    assert measure(trained.network, test, Pgd(Norm.L2, 3.0, box=(-1.0, 2.0))).robust < 0.05


def test_the_seed_decides_the_net_and_measuring_does_not() -> None:
    settings = MlpSettings((6,), 3, attack=Pgd(Norm.L2, 0.3, steps=2))
    often, seldom = Watch(Pgd(Norm.L2, 0.3), every=1), Watch(Pgd(Norm.LINF, 0.1), every=3)
    first = train_mlp(settings, TRAIN, TEST, watch=often)
    assert train_mlp(settings, TRAIN, TEST, watch=often).epochs == first.epochs
    assert train_mlp(settings, TRAIN, TEST, watch=seldom).network.digest == first.network.digest
    other = dc.replace(settings, seed=1)
    assert train_mlp(other, TRAIN, TEST, watch=often).network.digest != first.network.digest


def test_every_measured_epoch_is_reported_as_it_happens() -> None:
    seen: list[int] = []
    watch = Watch(Pgd(Norm.L2, 0.1, steps=1), every=2, on_epoch=lambda epoch: seen.append(epoch.epoch))
    train_mlp(MlpSettings((4,), 5), TRAIN, TEST, watch=watch)
    assert seen == [2, 4, 5]


def test_training_that_diverges_stops_with_the_step_and_the_loss() -> None:
    settings = MlpSettings((8,), 20, optimiser=Sgd(1e6))
    with pytest.raises(TrainingDiverged, match=r"diverged at step \d+: the loss is .*rate below 1e\+06"):
        train_mlp(settings, TRAIN, TEST, watch=Watch(Pgd(Norm.L2, 0.1)))


def test_settings_of_no_meaning_are_refused() -> None:
    with pytest.raises(InvalidInput, match="l1 was asked for"):
        Pgd(Norm.L1, 1.0)
    for radius in (-1.0, float("nan"), float("inf")):
        with pytest.raises(InvalidInput, match="radius >= 0"):
            Pgd(Norm.L2, radius)
    with pytest.raises(InvalidInput, match="empty"):
        Pgd(Norm.L2, 1.0, box=(1.0, 0.0))
    with pytest.raises(InvalidInput, match="step 0"):
        Pgd(Norm.L2, 1.0, step=0.0)
    with pytest.raises(InvalidInput, match="0 epochs"):
        MlpSettings((4,), 0)
    with pytest.raises(InvalidInput, match="rate 0"):
        MlpSettings((4,), 1, optimiser=Adam(0.0))
    with pytest.raises(InvalidInput, match="every 0 epochs"):
        Watch(Pgd(Norm.L2, 1.0), every=0)
    watch, narrow = Watch(Pgd(Norm.L2, 0.1)), Labelled(TEST.points[:, :5], TEST.labels)
    with pytest.raises(InvalidInput, match="31 numbers, test points 5"):
        train_mlp(MlpSettings((4,), 1), TRAIN, narrow, watch=watch)
    with pytest.raises(InvalidInput, match="label 2, which no training point has"):
        train_mlp(MlpSettings((4,), 1), TRAIN, dc.replace(TEST, labels=TEST.labels * 2), watch=watch)
