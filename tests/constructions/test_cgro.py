"""A clean classifier overridden on balls: what changes, what does not, what is proved and from which weights."""

import dataclasses as dc
from fractions import Fraction
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from certify.errors import InvalidInput
from certify.exact import ExactNetwork
from certify.network import Add, Affine, Conv2d, Network, Node, ReLU
from certify.region import Norm
from constructions import files
from constructions.memorizer import cgro
from constructions.memorizer.cgro import Cgro
from constructions.theorem import Claim, Construction, Proved, Refuted, Undecided
from tests.constructions.bump_sets import Task, anywhere, broken, claim, epsilon, gaps, generic, length, tasks
from tests.constructions.euclidean_sets import tampered, unproved

LINF = Norm.LINF


def residual(d: int, seed: int = 0) -> Network:
    """A clean classifier with a branch, of real weights."""
    rng = np.random.default_rng(seed)
    first, second = (Affine(rng.normal(size=(5, k)), rng.normal(size=5)) for k in (d, 5))
    last = Affine(rng.normal(size=(1, 5)), rng.normal(size=1))
    ops = ((first, (0,)), (ReLU(5), (1,)), (second, (2,)), (Add(5), (2, 3)), (ReLU(5), (4,)), (last, (5,)))
    return Network((d,), tuple(Node(op, reads) for op, reads in ops))


def convolutional(seed: int = 0) -> Network:
    """A clean classifier of 3 x 3 images."""
    rng = np.random.default_rng(seed)
    first = Conv2d(rng.normal(size=(2, 1, 2, 2)), rng.normal(size=2), (1, 3, 3), padding=(1, 1))
    ops = [first, ReLU(32), Affine(rng.normal(size=(1, 32)), rng.normal(size=1))]
    return Network.chain(ops, (1, 3, 3))


def whole(d: int, seed: int) -> Network:
    """A clean classifier of small whole weights, so that every evaluation is exact."""
    rng = np.random.default_rng(seed)
    weights = [rng.integers(-2, 3, shape).astype(float) for shape in ((3, d), (3,), (1, 3), (1,))]
    return Network.chain([Affine(*weights[:2]), ReLU(3), Affine(*weights[2:])])


def named(made: Construction, name: str, network: Network) -> Claim:
    return next(claim for claim in made.family.claims(network, made.data) if claim.name == name)


@given(st.data(), st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_covered_balls_have_their_label_and_far_inputs_the_clean_output(data: st.DataObject, seed: int) -> None:
    task = data.draw(tasks(LINF))
    clean = whole(task.points.shape[1], seed)
    made = cgro(clean, task.points, task.labels, delta=task.delta)
    x = data.draw(anywhere(task.points.shape[1]))
    (output,) = ExactNetwork(made.network).evaluate(x)
    away = [length(gaps(x, point), LINF) for point in task.points]
    for far, label in zip(away, task.labels, strict=True):
        assert far > task.delta or (2 * int(label) - 1) * output >= 1
    if min(away) > claim(made, "clean-elsewhere").value:
        assert [output] == ExactNetwork(clean).evaluate(x)


@given(tasks(LINF), st.integers(0, 9))
@settings(max_examples=30, deadline=None)
def test_every_claim_is_proved_on_a_classifier_with_a_branch(task: Task, seed: int) -> None:
    assert not unproved(cgro(residual(task.points.shape[1], seed), task.points, task.labels, delta=task.delta))


def test_every_claim_is_proved_on_a_convolutional_classifier() -> None:
    task = generic((4, 3), 9, LINF)
    made = cgro(convolutional(), task.points, task.labels, delta=task.delta)
    assert not unproved(made)
    assert made.network.input_shape == (1, 3, 3)
    inputs = np.random.default_rng(1).normal(size=(50, 9)) * 9
    np.testing.assert_array_equal(made.network.evaluate(inputs), convolutional().evaluate(inputs))
    assert broken(made.network, task, LINF, float(task.delta)) == 0
    assert broken(made.network, task, LINF, 1.01 * float(epsilon(task.points, task.labels, LINF))) > 0


def test_the_extra_size_equals_the_formula_for_data_in_general_position() -> None:
    for n, d in [(1, 1), (2, 3), (4, 9), (6, 2)]:
        task = generic((n, 2 * n), d, LINF, seed=n)
        clean = residual(d)
        made = cgro(clean, task.points, task.labels, delta=task.delta)
        assert made.network.count().nnz - clean.count().nnz == 3 * n * (6 * d + 3) + 9 == claim(made, "extra").value
        assert "exactly" in claim(made, "extra").statement
        assert made.network.count().depth == 5


def test_claims_of_a_network_from_a_file_need_no_clean_classifier() -> None:
    task = generic((3, 3), 4, LINF)
    made = cgro(residual(4), task.points, task.labels, delta=task.delta)
    alone = dc.replace(made.family, clean=None)
    assert all(isinstance(c.check(), Proved) for c in alone.claims(made.network, made.data))
    with pytest.raises(InvalidInput, match="cgro changes a clean classifier: give it one"):
        alone.build(made.data)


def test_a_given_bound_above_the_interval_bound_is_used_and_one_below_proves_nothing() -> None:
    task = generic((3, 3), 4, LINF)
    large = cgro(residual(4), task.points, task.labels, delta=task.delta, bound=1024)
    assert not unproved(large)
    small = cgro(residual(4), task.points, task.labels, delta=task.delta, bound="1/1024")
    assert not isinstance(claim(small, "robust-radius").check(), Proved)
    assert isinstance(claim(small, "clean-elsewhere").check(), Proved)


@pytest.mark.parametrize("node", [6, 7, 9, 11, 13, 16, 17])
def test_a_changed_weight_of_the_branch_breaks_the_claims(node: int) -> None:
    task = generic((3, 3), 4, LINF)
    made = cgro(residual(4), task.points, task.labels, delta=task.delta)

    def other(weight: np.ndarray, bias: np.ndarray) -> None:
        weight *= -0.5
        bias *= 0.5

    network = tampered(made.network, node, other)
    for name in ("robust-radius", "margin", "clean-elsewhere"):
        assert not isinstance(named(made, name, network).check(), Proved)


def test_a_shut_out_bump_is_refuted_at_an_input() -> None:
    task = generic((3, 3), 4, LINF)
    made = cgro(residual(4), task.points, task.labels, delta=task.delta)

    def silent(weight: np.ndarray, _: np.ndarray) -> None:
        weight *= 0

    evidence = named(made, "robust-radius", tampered(made.network, 17, silent)).check()
    assert isinstance(evidence, Refuted)


def test_a_larger_classifier_inside_outgrows_its_gates() -> None:
    task = generic((3, 3), 4, LINF)
    made = cgro(residual(4), task.points, task.labels, delta=task.delta)

    def grown(weight: np.ndarray, _: np.ndarray) -> None:
        weight *= 1000

    network = tampered(made.network, 5, grown)
    evidence = named(made, "robust-radius", network).check()
    assert isinstance(evidence, Refuted | Undecided)


@pytest.mark.parametrize(
    ("clean", "words"),
    [
        (residual(3), "maps 3 numbers to 1; for these points it must map 4 to one"),
        (Network.chain([Affine(np.eye(4), np.zeros(4))]), "maps 4 numbers to 4"),
    ],
)
def test_a_classifier_of_another_shape_is_refused(clean: Network, words: str) -> None:
    task = generic((2, 2), 4, LINF)
    with pytest.raises(InvalidInput, match=words):
        cgro(clean, task.points, task.labels, delta=task.delta)


def test_more_classes_and_negative_bounds_are_refused() -> None:
    three = generic((2, 2, 2), 4, LINF)
    with pytest.raises(InvalidInput, match="one output; these points have 3 classes"):
        cgro(residual(4), three.points, three.labels, delta=three.delta)
    task = generic((2, 2), 4, LINF)
    with pytest.raises(InvalidInput, match="cannot be negative, got -1"):
        cgro(residual(4), task.points, task.labels, delta=task.delta, bound=-1)


def test_a_network_without_a_branch_has_no_claims() -> None:
    task = generic((2, 2), 4, LINF)
    for network in (residual(4), Network.chain([Affine(np.ones((1, 4)), np.zeros(1))] + [ReLU(1)] * 20)):
        with pytest.raises(InvalidInput, match="no classifier with a branch"):
            Cgro(Fraction(0)).claims(network, task.data)


@pytest.mark.parametrize("extension", ["onnx", "safetensors"])
@pytest.mark.parametrize("kind", ["chain", "residual"])
def test_files_that_store_nodes_in_another_order_keep_the_claims(kind: str, extension: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    layers = [Affine(rng.normal(size=(m, n)), rng.normal(size=m)) for n, m in ((4, 6), (6, 1))]
    clean = Network.chain([layers[0], ReLU(6), layers[1]]) if kind == "chain" else residual(4)
    task = generic((3, 3), 4, LINF)
    made = cgro(clean, task.points, task.labels, delta=task.delta)
    files.save(made, tmp_path / f"net.{extension}")
    for found in files.load(tmp_path / f"net.{extension}").claims:
        assert isinstance(found.check(), Proved), found.name
