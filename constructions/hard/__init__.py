"""Data on which robustness is expensive, networks that classify it, and points that every memorizer shatters."""

from constructions.hard.linear import HardSetLinear
from constructions.hard.luck import Luck, luck, luck_of_architecture, luck_of_size
from constructions.hard.sets import HardSet, hard_set_of_steps, labelled_grid
from constructions.hard.shattering import BoxGroups, OrthantGroups, Witness
from constructions.hard.solver import HardSetSolver

__all__ = [
    "BoxGroups",
    "HardSet",
    "HardSetLinear",
    "HardSetSolver",
    "Luck",
    "OrthantGroups",
    "Witness",
    "hard_set_of_steps",
    "labelled_grid",
    "luck",
    "luck_of_architecture",
    "luck_of_size",
]
