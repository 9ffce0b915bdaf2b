"""Gadgets on integers, and look-up tables: networks that memorise a label for every integer 0..M-1."""

from constructions.lookup.integers import equals, reaches, soft_and, top_bit
from constructions.lookup.tables import block, direct

__all__ = ["block", "direct", "equals", "reaches", "soft_and", "top_bit"]
