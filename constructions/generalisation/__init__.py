"""Robust generalisation: networks that are right within c eps of all of two classes, not only of a sample."""

from constructions.generalisation.cover import Cover, cover
from constructions.generalisation.kuhn import Kuhn, KuhnTree, kuhn
from constructions.generalisation.level_cover import LevelCover, level_cover
from constructions.generalisation.level_sets import HalfSpace, LevelSet, Sphere
from constructions.generalisation.margin_function import MarginFunction

__all__ = [
    "Cover",
    "HalfSpace",
    "Kuhn",
    "KuhnTree",
    "LevelCover",
    "LevelSet",
    "MarginFunction",
    "Sphere",
    "cover",
    "kuhn",
    "level_cover",
]
