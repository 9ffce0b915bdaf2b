"""How far apart the classes of a data set are: exact minimum distances, at data-set scale."""

from constructions.separation.closest import Clearance, ClosestPair, Separation
from constructions.separation.measure import between, measure, separated
from constructions.separation.search import Plan

__all__ = ["Clearance", "ClosestPair", "Plan", "Separation", "between", "measure", "separated"]
