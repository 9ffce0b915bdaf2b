"""The level function divided by eps, interpolated on a Kuhn mesh of few coordinates behind a linear layer."""

from fractions import Fraction

import numpy as np
from jaxtyping import Float64, Int64

from certify.errors import InvalidInput
from certify.network import Network
from certify.region import Norm
from constructions.compose import Chain, Forms
from constructions.generalisation.hats import Hats
from constructions.generalisation.mesh import Mesh
from constructions.manifold.embedded import Points
from constructions.manifold.fixed import ONE, to_floats
from constructions.manifold.levels import Level
from constructions.wiring import series

_VALUE_BITS = 20

VALUE_ERROR = Fraction(1, 1 << _VALUE_BITS)
"""How far ``node_values`` are from the clipped levels, at most, for eps above ``2**-40``."""

LEAST_MARGIN = Fraction(1, 1 << 10)
"""The least margin that a mesh chosen by ``cells_needed`` leaves."""


def node_values(level: Level, points: Points, eps: Fraction) -> Float64[np.ndarray, " N"]:
    """``g / eps`` clipped to [-1, 1] at some points, as multiples of ``2**-20``.

    It plays the part of the margin function f*: ``1/eps``-Lipschitz, 1 on A, -1 on B, hence at least 1 - c within c eps
    of A and at most c - 1 within c eps of B.
    """
    scaled = (level.values(points) * eps.denominator) // eps.numerator
    return to_floats(np.clip(scaled, -ONE, ONE), _VALUE_BITS)


def require_both_classes(values: Float64[np.ndarray, " N"], eps: Fraction) -> None:
    """Refuses node values of a problem that has only one class, or none.

    Raises:
        InvalidInput: no node lies in A, or none in B.
    """
    if values.max() < 1 or values.min() > -1:
        missing = "g >= eps" if values.max() < 1 else "g <= -eps"
        raise InvalidInput(
            f"No node lies in the class {missing} for eps = {float(eps):g}: the levels there are between "
            f"{values.min():.4g} and {values.max():.4g} times eps (clipped to +-1). Take a smaller eps."
        )


def deviation(dimension: int) -> Fraction:
    """At most the mean distance in linf of a point from its simplex's vertices, in cells: ``3/4 - 1/(2 (m + 1))``."""
    return Mesh(1, dimension, Norm.LINF).deviation


def cells_needed(rate: Fraction, room: Fraction) -> int | None:
    """The least number n of cells a side with ``rate / n <= room - LEAST_MARGIN``; None where there is none."""
    left = room - LEAST_MARGIN
    return max(1, -int(-rate // left)) if left > 0 else None


def interpolant(
    matrix: Float64[np.ndarray, "m d"],
    shift: Float64[np.ndarray, " m"],
    *,
    nodes: Int64[np.ndarray, "K m"],
    cells: int,
    values: Float64[np.ndarray, " K"],
) -> Network:
    """``x -> sum_v values[v] hat_v(relu(matrix x + shift))`` with the hats of a Kuhn mesh, sub-maxima shared.

    ``nodes`` are whole numbers in lexicographic order. Where ``matrix x + shift`` lies in the unit cube and all
    vertices of its simplex are among the nodes, this is the piecewise linear interpolant.
    """
    chain = Chain(matrix.shape[1])
    (units,) = chain.relu(Forms.of(matrix, shift))
    hats = Hats(nodes, cells, shared=True, clipped=False)
    return series(_without_output(chain, units), hats.network(values))


def _without_output(chain: Chain, units: Forms) -> Network:
    """The layer itself; its units are the outputs, with no further affine map."""
    whole = chain.output(units)
    return Network(whole.input_shape, whole.nodes[:-1])
