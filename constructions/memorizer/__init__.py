"""Networks that memorise labelled points robustly: zero error on the whole ball around every one of them.

Functions here are called like the modules that they come from, and hide them as attributes of this package.
"""

from constructions.memorizer.cgro import cgro
from constructions.memorizer.distance_bumps import distance_bumps
from constructions.memorizer.hinge_bumps import hinge_bumps
from constructions.memorizer.hinge_scan import hinge_bumps_scan
from constructions.memorizer.paraboloid import paraboloid
from constructions.memorizer.sample_squares import squares_per_sample
from constructions.memorizer.trapezoids import trapezoids
from constructions.memorizer.voronoi import voronoi
from constructions.memorizer.voronoi_scan import voronoi_scan

__all__ = [
    "cgro",
    "distance_bumps",
    "hinge_bumps",
    "hinge_bumps_scan",
    "paraboloid",
    "squares_per_sample",
    "trapezoids",
    "voronoi",
    "voronoi_scan",
]
