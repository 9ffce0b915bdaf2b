"""Norms, boxes, balls and the questions asked about them."""

import numpy as np
import pytest

from certify.errors import InvalidInput
from certify.network import Affine, Network
from certify.query import label_indices, predictions, robustness
from certify.region import Ball, Box, Norm
from certify.rounding import distance_up

THREE = Network.chain([Affine(np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]), np.zeros(3))])
SIGN = Network.chain([Affine(np.array([[1.0, 0.0]]), np.zeros(1))])


@pytest.mark.parametrize(
    ("text", "norm"),
    [("1", Norm.L1), ("l2", Norm.L2), (2.0, Norm.L2), ("Linf", Norm.LINF), (np.inf, Norm.LINF), (Norm.L1, Norm.L1)],
)
def test_a_norm_is_read_from_its_usual_names(text: object, norm: Norm) -> None:
    assert Norm.parse(text) is norm
    assert Norm.parse(norm.short) is Norm.parse(str(norm)) is norm


@pytest.mark.parametrize("text", ["3", "", "max", "nan", None])
def test_an_unknown_norm_is_refused_with_the_known_ones(text: object) -> None:
    with pytest.raises(InvalidInput, match=r"Unknown norm .* Use one of: inf, 2, 1"):
        Norm.parse(text)


@pytest.mark.parametrize("size", [1e-200, 1e-20, 0.3, 1e20, 1e200])
def test_a_ball_that_reaches_the_whole_box_holds_its_farthest_corner(size: float) -> None:
    rng = np.random.default_rng(0)
    box = Box(-size * rng.uniform(size=5), size * rng.uniform(size=5))
    points = size * rng.uniform(-1.0, 1.0, size=(20, 5))
    corners = np.where(np.abs(box.upper - points) > np.abs(box.lower - points), box.upper, box.lower)
    for norm in Norm:
        radii = box.reach(points, norm)
        needed = [distance_up(a, b, norm.value) for a, b in zip(points.tolist(), corners.tolist(), strict=True)]
        assert (radii >= needed).all()
        np.testing.assert_allclose(radii, needed, rtol=1e-6)


def test_no_ball_reaches_an_endless_box() -> None:
    assert Box(np.zeros(2), np.array([1.0, np.inf])).reach(np.zeros((1, 2)), Norm.L1).tolist() == [np.inf]


def test_a_box_measures_how_far_points_lie_outside() -> None:
    box = Box(np.array([0.0, -np.inf]), np.array([1.0, 2.0]))
    assert box.outside(np.array([[0.5, -99.0], [1.25, 2.5], [-1.0, 0.0]])).tolist() == [0.0, 0.5, 1.0]


@pytest.mark.parametrize(("lower", "upper"), [([0.0, 2.0], [1.0, 1.0]), ([0.0, np.nan], [1.0, 1.0])])
def test_an_empty_box_is_refused_with_the_coordinate(lower: list[float], upper: list[float]) -> None:
    with pytest.raises(InvalidInput, match=r"empty at coordinate 1 \(and 0 more\)"):
        Box(np.array(lower), np.array(upper))


@pytest.mark.usefixtures("unchecked_shapes")
def test_box_ends_of_different_shape_are_refused() -> None:
    with pytest.raises(InvalidInput, match="differ in shape"):
        Box(np.zeros(2), np.zeros(3))


@pytest.mark.parametrize("radius", [-1.0, np.nan])
def test_a_radius_that_is_no_length_is_refused(radius: float) -> None:
    with pytest.raises(InvalidInput, match="must be a number >= 0"):
        Ball(np.zeros(1), radius, Norm.L2)
    with pytest.raises(InvalidInput, match="must be a number >= 0"):
        robustness(SIGN, np.zeros((1, 2)), [1], norm=Norm.L2, radius=radius)


def test_a_centre_that_is_not_finite_is_refused_with_its_coordinate() -> None:
    with pytest.raises(InvalidInput, match="nan at coordinate 1"):
        Ball(np.array([0.0, np.nan]), 1.0, Norm.L2)
    with pytest.raises(InvalidInput, match="Point 0 has inf at coordinate 1"):
        robustness(SIGN, np.array([[0.0, np.inf]]), [1], norm=Norm.L2, radius=1.0)


def test_a_classifier_asks_for_its_label_against_every_other() -> None:
    queries = robustness(THREE, np.zeros((2, 2)), [1, 2], norm=Norm.L2, radius=0.5)
    assert queries.rows.tolist() == [[[-1, 1, 0], [0, 1, -1]], [[-1, 0, 1], [0, -1, 1]]]
    assert queries.offsets.tolist() == [[0, 0], [0, 0]]


def test_a_sign_network_asks_for_one_sign() -> None:
    queries = robustness(SIGN, np.zeros((3, 2)), [1, 0, -1], norm=Norm.L2, radius=0.5)
    assert queries.rows.tolist() == [[[1]], [[-1]], [[-1]]]


def test_predictions_are_argmax_or_sign_and_a_tie_is_not_positive() -> None:
    x = np.array([[1.0, 0.0], [0.0, 2.0], [-1.0, -1.0]])
    assert predictions(THREE, x).tolist() == [0, 1, 2]
    assert predictions(SIGN, x).tolist() == [1, 0, 0]


@pytest.mark.parametrize(("network", "labels", "allowed"), [(THREE, [0, 3], r"0\.\.2"), (SIGN, [1, 2], "0 or -1")])
def test_a_label_that_cannot_be_predicted_is_refused(network: Network, labels: list[int], allowed: str) -> None:
    with pytest.raises(InvalidInput, match=rf"Label {labels[1]} of input 1 .* labels are {allowed}"):
        label_indices(network, np.array(labels))


def test_a_negative_label_of_a_classifier_is_refused() -> None:
    with pytest.raises(InvalidInput, match="Label -1 of input 0"):
        label_indices(THREE, np.array([-1]))


def test_questions_of_a_wrong_shape_are_refused() -> None:
    with pytest.raises(InvalidInput, match="Shapes do not fit a network from 2 to 3 values"):
        robustness(THREE, np.zeros((1, 3)), [0], norm=Norm.L2, radius=1.0)
    with pytest.raises(InvalidInput, match="The domain has 3 coordinates, the network takes 2"):
        robustness(THREE, np.zeros((1, 2)), [0], norm=Norm.L2, radius=1.0, domain=Box.uniform(0.0, 1.0, 3))


def test_a_part_of_a_batch_keeps_its_order_and_its_radii() -> None:
    queries = robustness(THREE, np.arange(6.0).reshape(3, 2), [0, 1, 2], norm=Norm.L2, radius=1.0)
    part = queries.within(np.array([1.0, 2.0, 3.0])).take(np.array([2, 0]))
    assert len(part) == 2
    assert part.radii.tolist() == [3.0, 1.0]
    assert part.centres.tolist() == [[4.0, 5.0], [0.0, 1.0]]
    assert np.array_equal(part.rows, queries.rows[[2, 0]])
