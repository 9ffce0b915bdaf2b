"""Features, clusters, samples and their files."""

from pathlib import Path

import numpy as np
import pytest

from certify.errors import InvalidInput
from certify.io.datasets import load_points
from constructions.distributions import ClusterDistribution, Clusters, Sample, write_points
from constructions.distributions.clusters import split
from constructions.distributions.hadamard import hadamard_rows
from constructions.distributions.means import largest_cosine, require_orthogonal


@pytest.mark.parametrize(
    "clusters",
    [Clusters.orthogonal(6, 40, seed=1), Clusters.hadamard(6, 40, seed=1), Clusters.axis(6, 40)],
    ids=["qr", "hadamard", "axis"],
)
def test_orthogonal_features_are_orthogonal_and_of_length_sqrt_d(clusters: Clusters) -> None:
    gram = clusters.features @ clusters.features.T
    assert np.abs(gram - 40 * np.eye(6)).max() < 1e-12
    require_orthogonal(clusters.features)


@pytest.mark.parametrize("order", [1, 2, 4, 12, 20, 24, 28, 36, 40, 64, 96])
def test_the_rows_of_a_hadamard_matrix_are_signs_and_exactly_orthogonal(order: int) -> None:
    matrix = hadamard_rows(order, np.arange(order))
    assert np.array_equal(np.abs(matrix), np.ones((order, order)))
    assert np.array_equal(matrix @ matrix.T, order * np.eye(order))


def test_hadamard_rows_do_not_need_the_whole_matrix() -> None:
    rows = hadamard_rows(3 << 18, np.array([0, 5, 3 << 17]))
    assert np.array_equal(rows @ rows.T, (3 << 18) * np.eye(3))


@pytest.mark.parametrize(("order", "words"), [(30, "multiple of 4. Try d = 32"), (92, "Take d = 128")])
def test_a_hadamard_order_that_cannot_be_had_is_refused_with_one_that_can(order: int, words: str) -> None:
    with pytest.raises(InvalidInput, match=f"order {order}.*{words}"):
        Clusters.hadamard(4, order, seed=0)
    assert Clusters.hadamard(4, int(words.split()[-1]), seed=0).k == 4


def test_features_are_made_by_their_seed() -> None:
    for make in (Clusters.orthogonal, Clusters.hadamard, Clusters.gaussian):
        assert np.array_equal(make(4, 24, seed=3).features, make(4, 24, seed=3).features)
        assert not np.array_equal(make(4, 24, seed=3).features, make(4, 24, seed=4).features)


def test_more_orthogonal_features_than_dimensions_are_refused() -> None:
    for make in (Clusters.orthogonal, Clusters.hadamard):
        with pytest.raises(InvalidInput, match=r"4|8"):
            make(8, 4, seed=0)
    with pytest.raises(InvalidInput, match="8 orthogonal features do not fit into 4 dimensions"):
        Clusters.axis(8, 4)


def test_gaussian_features_given_as_orthogonal_are_refused_with_their_largest_cosine() -> None:
    features = Clusters.gaussian(6, 50, seed=2).features
    cosine, i, j = largest_cosine(features)
    exact = features[i] @ features[j] / np.linalg.norm(features[i]) / np.linalg.norm(features[j])
    assert abs(exact) == pytest.approx(cosine, rel=1e-12)
    with pytest.raises(InvalidInput, match=rf"max \|cos\| = {cosine:.3g}, between features {i} and {j}"):
        require_orthogonal(features)
    with pytest.raises(InvalidInput, match=r"length 2, and sqrt\(d\) = 4"):
        require_orthogonal(np.eye(3, 16) * 2.0)


def test_any_balance_can_be_asked_for_and_an_impossible_one_is_refused() -> None:
    assert Clusters.axis(5, 8, K_plus=4).balance == (4, 1)
    assert Clusters.axis(6, 8).balance == (3, 3)
    with pytest.raises(InvalidInput, match=r"k = 5 clusters do not split into two equal classes"):
        split(5, None)
    for count in (0, 5, -1):
        with pytest.raises(InvalidInput, match=f"K_plus = {count} positive"):
            split(5, count)


def test_a_sample_is_features_plus_noise_of_the_given_size_with_the_labels_of_the_clusters() -> None:
    distribution = ClusterDistribution(Clusters.orthogonal(4, 50, K_plus=3, seed=0), 2.0)
    sample = distribution.sample(4000, 5)
    noise = sample.points - distribution.clusters.features[sample.cluster]
    assert noise.std() == pytest.approx(2.0, rel=0.01)
    assert np.array_equal(sample.label, np.where(sample.cluster < 3, 1, -1))
    assert np.abs(np.bincount(sample.cluster) / 4000 - 0.25).max() < 0.03
    again = distribution.sample(4000, 5)
    assert np.array_equal(sample.points, again.points)
    assert not np.array_equal(sample.points, distribution.sample(4000, 6).points)


def test_without_noise_every_point_is_a_centre_and_features_stay_as_they_were() -> None:
    distribution = ClusterDistribution(Clusters.axis(4, 9), 0.0)
    sample = distribution.sample(30, 0)
    assert np.array_equal(sample.points, 3.0 * np.eye(4, 9)[sample.cluster])
    assert np.array_equal(distribution.centres().cluster, np.arange(4))


def test_the_coordinates_at_a_centre_are_sqrt_d_for_its_own_cluster() -> None:
    clusters = Clusters.orthogonal(3, 25, K_plus=1, seed=0)
    assert np.allclose(clusters.coordinates(clusters.features), 5 * np.eye(3), atol=1e-12)


@pytest.mark.parametrize("sigma", [-1.0, float("nan"), float("inf")])
def test_noise_of_no_meaning_is_refused(sigma: float) -> None:
    with pytest.raises(InvalidInput, match=f"sigma = {sigma}"):
        ClusterDistribution(Clusters.axis(2, 4), sigma)


@pytest.mark.usefixtures("unchecked_shapes")
def test_bad_features_are_refused() -> None:
    marks = np.array([True, False])
    with pytest.raises(InvalidInput, match="Feature 1 has nan at coordinate 0"):
        Clusters(np.array([[1.0, 2.0], [np.nan, 1.0]]), marks)
    with pytest.raises(InvalidInput, match="Feature 0 is zero"):
        Clusters(np.array([[0.0, 0.0], [1.0, 1.0]]), marks)
    with pytest.raises(InvalidInput, match="2 of 2 clusters are positive"):
        Clusters(np.eye(2), np.array([True, True]))
    with pytest.raises(InvalidInput, match="3"):
        Clusters(np.eye(2), np.array([True, False, True]))
    with pytest.raises(InvalidInput, match="sample of 0 points"):
        ClusterDistribution(Clusters.axis(2, 4), 1.0).sample(0, 0)
    with pytest.raises(InvalidInput, match="label 0; "):
        Sample(np.eye(2), np.array([0, 1]), np.array([1, 0]))


@pytest.mark.parametrize("ending", [".npz", ".csv"])
def test_a_written_sample_is_read_back_to_the_last_bit(ending: str, tmp_path: Path) -> None:
    sample = ClusterDistribution(Clusters.orthogonal(4, 11, seed=0), 1.0).sample(20, 0)
    for labels in (sample.label, sample.cluster):
        path = tmp_path / f"points{ending}"
        write_points(path, sample.points, labels)
        back = load_points(str(path), None)
        assert np.array_equal(back.points, sample.points)
        assert np.array_equal(back.labels, labels)


def test_points_that_a_reader_would_take_for_pixels_are_not_written_as_csv(tmp_path: Path) -> None:
    sample = ClusterDistribution(Clusters.axis(2, 16), 0.0).sample(4, 0)
    with pytest.raises(InvalidInput, match="Save an npz file"):
        write_points(tmp_path / "points.csv", sample.points, sample.label)
    write_points(tmp_path / "points.npz", sample.points, sample.label)
    assert np.array_equal(load_points(str(tmp_path / "points.npz"), None).points, sample.points)
    with pytest.raises(InvalidInput, match=r"Use \.npz or \.csv"):
        write_points(tmp_path / "points.txt", sample.points, sample.label)
