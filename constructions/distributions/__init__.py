"""The data that the theorems speak about: clusters of noise around feature vectors."""

from constructions.distributions.clusters import ClusterDistribution, Clusters, Sample
from constructions.distributions.files import check_points, write_points

__all__ = ["ClusterDistribution", "Clusters", "Sample", "check_points", "write_points"]
