"""Certificates, verdicts, trained nets and closest pairs on a simulated GPU are those of the CPU."""

import dataclasses as dc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks import devices, radius_scaling
from certify.cli.main import main
from certify.deadline import Deadline
from certify.io.writers import save
from certify.outcome import CertifiedRadius, Outcome
from certify.query import Queries
from certify.radius import Certifier, Settings
from certify.region import Norm
from certify.solvers.branch_and_bound.effort import Effort
from certify.solvers.branch_and_bound.regions import bounded
from certify.solvers.branch_and_bound.solver import BranchAndBound
from constructions.distributions import ClusterDistribution, Clusters
from constructions.separation import Plan, measure
from constructions.theorem import Labelled
from constructions.training import (
    Descent,
    KClassSettings,
    MlpSettings,
    Pgd,
    Session,
    TwoClassSettings,
    Watch,
    train_k_class,
    train_mlp,
    train_two_class,
)
from tests.branch_and_bound.nets import dense, questions
from tests.branch_and_bound.truth import HALVES, PHASES, SHARP
from tests.simulated_gpu import simulated_gpu

NETS = {"two layers": dense((4, 6, 3), 1), "three layers": dense((4, 6, 6, 2), 2)}
CLUSTERS = Clusters.orthogonal(4, 64, seed=0)
SAMPLE = ClusterDistribution(CLUSTERS, 1.0).sample(40, 1)
RULE = Descent(3.07 / 64, 20)


def _mixed() -> list[Callable[[Tensor, Tensor], object]]:
    return [
        lambda here, there: here + there,
        lambda here, there: here @ there,
        lambda here, there: torch.cat([here, there]),
        lambda here, there: torch.stack([here.sum(), there.sum()]),
        lambda here, there: here[there.argsort()],
        lambda here, there: torch.where(here > 0, there, 0.0),
        lambda _, there: np.asarray(there),
        lambda here, there: there.add_(here),
        lambda _, there: torch.rand(2, device=there.device, generator=torch.Generator()),
    ]


@pytest.mark.parametrize("operation", _mixed())
def test_the_simulation_refuses_what_a_gpu_refuses(operation: Callable[[Tensor, Tensor], object]) -> None:
    with simulated_gpu():
        here = torch.ones(3)
        there = here.to("cuda")
        assert (there.device.type, here.device.type, there.cpu().device.type) == ("cuda", "cpu", "cpu")
        with pytest.raises((RuntimeError, TypeError)):
            operation(here, there)


def test_the_simulation_computes_what_the_cpu_does() -> None:
    with simulated_gpu() as gpu:
        x = torch.arange(3.0, dtype=torch.float64, device="cuda").requires_grad_()
        (2 * x * x + torch.tensor(1.0)).sum().backward()
        assert x.grad is not None
        assert x.grad.is_cuda
        assert x.grad.tolist() == [0.0, 4.0, 8.0]
        assert x.detach()[torch.tensor([2, 0])].sort().values.cpu().numpy().tolist() == [0.0, 2.0]
        assert gpu.moved == 1


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize(("method", "norm"), [*(("exact", norm) for norm in Norm), ("lp", Norm.L2)])
def test_radii_on_a_gpu_are_those_of_the_cpu(net: str, norm: Norm, method: str) -> None:
    network = NETS[net]
    points = np.random.default_rng(0).uniform(size=(1, 4))
    labels = network.evaluate(points).argmax(axis=1)
    settings = Settings(norm=norm, method=method, tolerance=0.1)

    def found(device: str) -> list[CertifiedRadius]:
        certifier = Certifier(network, dc.replace(settings, device=device))
        return [radius for _, radius in certifier.certify(points, labels, lambda: 0.0)]

    ours = found("cpu")
    with simulated_gpu() as gpu:
        theirs = found("cuda")
    assert gpu.moved > 0
    for mine, other in zip(ours, theirs, strict=True):
        assert (other.lower, other.upper, other.status) == (mine.lower, mine.upper, mine.status)


def _searched(queries: Queries, effort: Effort, device: str) -> list[Outcome]:
    solver = BranchAndBound(queries.network, limits=effort, device=device)
    return solver._search(bounded(queries), Deadline.never(), [{} for _ in range(len(queries))])


@pytest.mark.parametrize("effort", [PHASES, SHARP, HALVES])
def test_branch_and_bound_on_a_gpu_decides_as_on_the_cpu(effort: Effort) -> None:
    queries, few = questions(dense((6, 16, 16, 3), 4), 3, norm=Norm.LINF, radius=0.2), dc.replace(effort, nodes=60)
    ours = _searched(queries, few, "cpu")
    with simulated_gpu() as gpu:
        theirs = _searched(queries, few, "cuda")
    assert gpu.moved > 0
    assert [type(answer) for answer in theirs] == [type(answer) for answer in ours]
    assert len({type(answer) for answer in ours}) > 1


@pytest.mark.parametrize(("below", "first"), [(0.1, "unsat"), (0.0, "sat")])
def test_queries_on_a_gpu_are_verified(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], below: float, first: str
) -> None:
    network = dense((2, 6, 6, 1), 3)
    centre = float(network.evaluate(np.zeros((1, 2)))[0, 0])
    save(network, tmp_path / "net.onnx")
    head = "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)\n"
    box = "".join(f"(assert (>= X_{i} -1e-4))(assert (<= X_{i} 1e-4))" for i in range(2))
    (tmp_path / "q.vnnlib").write_text(f"{head}{box}(assert (<= Y_0 {centre - below!r}))")
    with simulated_gpu() as gpu:
        code = main(["verify", f"{tmp_path}/q.vnnlib", "--network", f"{tmp_path}/net.onnx", "--device", "cuda"])
    assert (code, capsys.readouterr().out.splitlines()[0]) == (0, first)
    assert gpu.moved > 0


def test_nets_trained_on_a_gpu_are_those_of_the_cpu() -> None:
    two, many = TwoClassSettings(2, 1e-5, 1e-5, RULE), KClassSettings(2, 1e-5, RULE)
    ours = [train(s, CLUSTERS, SAMPLE) for train, s in ((train_two_class, two), (train_k_class, many))]
    with simulated_gpu() as gpu:
        there = Session("cuda")
        theirs = [train_two_class(two, CLUSTERS, SAMPLE, session=there)]
        theirs += [train_k_class(many, CLUSTERS, SAMPLE, session=there)]
    assert gpu.moved > 0
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(other.decomposition.lam, mine.decomposition.lam, rtol=1e-4, atol=1e-6)


def test_adversarial_training_runs_on_a_gpu() -> None:
    data = Labelled(SAMPLE.points, (SAMPLE.label > 0).astype(np.int64))
    settings, watch = MlpSettings((6,), 2, attack=Pgd(Norm.L2, 0.5, steps=2)), Watch(Pgd(Norm.L2, 0.5, steps=2))
    ours = train_mlp(settings, data, data, watch=watch)
    with simulated_gpu() as gpu:
        theirs = train_mlp(settings, data, data, watch=watch, device="cuda")
    assert gpu.moved > 0
    np.testing.assert_allclose(theirs.network.evaluate(data.points), ours.network.evaluate(data.points), rtol=1e-6)


@pytest.mark.parametrize("norm", [Norm.L2, Norm.LINF])
def test_the_closest_pair_on_a_gpu_is_that_of_the_cpu(norm: Norm) -> None:
    points, labels = np.random.default_rng(0).normal(size=(300, 20)), np.arange(300) % 3
    ours = measure(points, labels, norm, plan=Plan())
    with simulated_gpu() as gpu:
        theirs = measure(points, labels, norm, plan=Plan.fastest())
    assert gpu.moved > 0
    assert theirs == ours


def test_the_benchmarks_for_a_gpu_run_on_one(tmp_path: Path) -> None:
    with simulated_gpu() as gpu:
        plan = devices.Plan(images=12, hidden=(8, 8), epochs=30, radius=0.05, seconds=30.0)
        rows = devices.report(tmp_path, None, plan)
        before = gpu.moved
        radii, _ = radius_scaling.report(tmp_path, radius_scaling.Plan((4, 8), 64, (32, 64), 4, 2))
    assert [row.device for row in rows] == ["cpu", "cuda"]
    assert rows[0].counts == rows[1].counts
    assert gpu.moved > before > 0
    assert len(radii) == 28
