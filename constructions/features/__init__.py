"""The networks of the feature-averaging theory, with their exact radii."""

from constructions.features.networks import (
    blended,
    f_robust,
    feature_averaged,
    feature_decoupled,
    frei,
    min_vidal,
    power_margins,
)
from constructions.features.radii import averaged_radii, max_radii, sum_radii

__all__ = [
    "averaged_radii",
    "blended",
    "f_robust",
    "feature_averaged",
    "feature_decoupled",
    "frei",
    "max_radii",
    "min_vidal",
    "power_margins",
    "sum_radii",
]
