"""What an adversary found: networks, files and numbers for which a false claim was once proved."""

import dataclasses as dc
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from certify.errors import InvalidInput
from certify.io.models import load as load_model
from certify.io.writers import read_metadata
from certify.io.writers import save as save_network
from certify.network import Affine, Conv2d, Network, Node
from certify.region import Norm
from constructions import files
from constructions.dyadic import rational
from constructions.features.families import FRobust
from constructions.generalisation import Cover, Kuhn
from constructions.generalisation.ball_bumps import BallBumps, finest, half_width
from constructions.generalisation.centres import Centres
from constructions.generalisation.classes import separated_classes
from constructions.hard.linear import HardSetLinear
from constructions.hard.solver import HardSetSolver
from constructions.manifold.subspace_kuhn import SubspaceKuhn
from constructions.memorizer.bumps import separated_for_bumps
from constructions.memorizer.hinge_bumps import HingeBumps, hinge_bumps
from constructions.memorizer.paraboloid import bump_forms, paraboloid
from constructions.separation import measure
from constructions.theorem import Evidence, Family, Labelled, Proved, Refuted

POINTS = [[0.0, 0.0], [0.25, 0.5], [0.75, 1.0], [0.5, 0.25]]
LABELS = [0, 1, 0, 1]


def checked(family: Family, network: Network, data: Labelled | None, name: str) -> Evidence:
    return next(claim.check() for claim in family.claims(network, data) if claim.name == name)


def test_radii_at_centres_are_proved_of_networks_whose_last_layer_reads_the_hidden_one() -> None:
    family = FRobust(k=4, d=4, features="axis")
    ops = [node.op for node in family.build(None).nodes]
    bypassed = Network((4,), (Node(ops[0], (0,)), Node(ops[1], (1,)), Node(ops[2], (0,))))  # the radius is 1
    for name in ("robust-radius", "centre-radius-positive", "centre-radius-negative", "optimality"):
        assert not isinstance(checked(family, bypassed, None, name), Proved)


@pytest.mark.parametrize("family", [Kuhn(eps=Fraction(1, 2)), Cover(eps=Fraction(1, 2))], ids=["kuhn", "cover"])
def test_classes_exchanged_in_place_are_other_classes(family: Family) -> None:
    data = Labelled.of([[0.0, 0.0], [1.0, 1.0]], [0, 1])
    network = family.build(data)
    assert isinstance(checked(family, network, data, "robust-radius"), Proved)
    data.points[:] = data.points[::-1].copy()
    assert isinstance(checked(family, network, data, "robust-radius"), Refuted)


@pytest.mark.parametrize(("d", "c"), [(64, Fraction(9, 10)), (100, Fraction(99, 100)), (256, Fraction(1, 2))])
def test_bumps_of_a_wide_cover_are_exact(d: int, c: Fraction) -> None:
    rng = np.random.default_rng(0)
    near, far = rng.random((2, d)) / 64, 1 - rng.random((2, d)) / 64
    classes = separated_classes(Labelled.of(np.vstack([near, far]), [1, 1, 0, 0]), Norm.L2, Fraction(0), c)
    bits = finest(d, half_width(classes.attack))
    bumps = BallBumps(Centres.at(classes.margin.positive, classes, bits), classes.attack)
    forms, slope, half = bump_forms(bumps.centres.places, bumps.half, bumps.fall), bumps.fall.slope, bumps.half
    for row, weights, bias in zip(bumps.centres.places, forms.weight.toarray(), forms.bias, strict=True):
        moved = [Fraction(x) + half for x in row.tolist()]
        assert Fraction(float(bias)) == slope * (bumps.fall.outer - sum(x * x for x in moved))
        assert [Fraction(w) for w in weights[1:].tolist()] == [4 * half * slope * x for x in moved]


def test_kernels_are_weights() -> None:
    made = hinge_bumps(POINTS, LABELS, delta="1/16")
    assert made.data is not None
    large = Conv2d(np.full((1, 1, 1, 1), 2.0**20), np.zeros(1), (1, 1, 2), (1, 1), (0, 0), (1, 1), 1)
    small = Affine(np.eye(2) / 2**20, np.zeros(2))
    rest = (Node(node.op, tuple(k + 2 for k in node.inputs)) for node in made.network.nodes)
    network = Network((2,), (Node(large, (0,)), Node(small, (1,)), *rest))
    assert isinstance(checked(made.family, network, made.data, "weight"), Refuted)


def test_the_weights_of_bumps_are_not_those_of_a_node_without_use() -> None:
    made = paraboloid(POINTS, LABELS, delta="1/16")
    *body, bumps, relu, last = made.network.nodes
    assert isinstance(bumps.op, Affine)
    assert isinstance(last.op, Affine)
    steep, flat = (dc.replace(op, weight=op.weight * s) for op, s in ((bumps.op, 2.0**20), (last.op, 2.0**-20)))
    steep, count = dc.replace(steep, bias=steep.bias * 2.0**20), len(made.network.nodes)
    unused, same = Affine(np.full((1, 2), 1e-9), np.zeros(1)), Affine(np.eye(1), np.zeros(1))
    tail = (Node(unused, (0,)), Node(flat, last.inputs), Node(same, (count + 1,)))
    network = Network((2,), (*body, Node(steep, bumps.inputs), relu, *tail))
    np.testing.assert_array_equal(network.evaluate(np.array(POINTS)), made.network.evaluate(np.array(POINTS)))
    assert not isinstance(checked(made.family, network, made.data, "weight"), Proved)


@pytest.mark.parametrize("kind", [HardSetLinear, HardSetSolver])
def test_hard_set_networks_have_one_output(kind: type[HardSetLinear] | type[HardSetSolver]) -> None:
    family = kind(d=3, eps=Fraction(1, 8))
    network = family.build(None)
    wide = Affine(np.array([[1.0], [0.0]]), np.array([0.0, 100.0]))  # by its largest score always class 1
    nodes = (*network.nodes, Node(wide, (len(network.nodes),)))
    with pytest.raises(InvalidInput, match="3 inputs and 2 outputs"):
        family.claims(Network(network.input_shape, nodes), None)


def test_steps_made_steep_by_their_second_layer_are_steep() -> None:
    family = HardSetSolver(d=3, eps=Fraction(1, 8))
    network = family.build(None)
    assert isinstance(checked(family, network, None, "slope"), Proved)
    first, relu, second, *rest = (node.op for node in network.nodes)
    assert isinstance(first, Affine)
    assert isinstance(second, Affine)
    gentle = Affine(first.weight / 2, first.bias / 2)
    steep = Network.chain([gentle, relu, Affine(second.weight * 4, second.bias), *rest])
    assert not isinstance(checked(family, steep, None, "slope"), Proved)


@pytest.mark.parametrize("norm", list(Norm))
def test_entries_that_scaling_loses_count(norm: Norm) -> None:
    points = np.array([[8.0], [5e-324], [1.0]])  # the distance is below 1, and was once said to be 1
    found = measure(points, np.array([0, 0, 1]), norm).cross
    assert found.exact == (1 - Fraction(5e-324)) ** (2 if norm is Norm.L2 else 1)


def test_a_numpy_float_is_read_as_the_decimal_it_shows() -> None:
    assert rational(np.float64(0.1), "delta") == Fraction(1, 10)


def test_a_float_radius_is_taken_exactly() -> None:
    data = Labelled.of(np.array(POINTS) / 3, LABELS)
    made = HingeBumps(0.0123)  # type: ignore[arg-type]
    found = separated_for_bumps(data, Norm.LINF, made.delta)
    assert found.radius >= Fraction(0.0123) + found.movement
    assert isinstance(found.radius, Fraction)


def test_gaps_too_small_for_float64_are_refused() -> None:
    with pytest.raises(InvalidInput, match="scale the data up"):
        hinge_bumps([[0.0], [2e-305]], [0, 1], delta=Fraction(99, 10**307))


def test_a_file_without_its_data_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "made.onnx"
    files.save(hinge_bumps(POINTS, LABELS, delta="1/16"), path)
    notes = json.loads(read_metadata(path)[files.KEY])
    save_network(load_model(path).network, path, metadata={files.KEY: json.dumps(notes | {"data": None})})
    with pytest.raises(InvalidInput, match="nothing about its data"):
        files.load(path)


def test_a_patch_too_small_for_its_inverse_is_refused() -> None:
    family = SubspaceKuhn(
        manifold="patch:k=1,side=1/1000000000", level="linear:1", eps=Fraction(1, 4 * 10**9), width=2, seed=1
    )
    with pytest.raises(InvalidInput, match="too small for exact float64"):
        family.build(None)
