"""Two computations of one network compared at random points: a reader's last step."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float64

from certify.errors import SelfCheckFailed
from certify.network import Affine, Network

POINTS = 8
"""How many points are compared, half in the unit box and half wider."""


def sample(network: Network) -> Float64[np.ndarray, "b n"]:
    """The points, the same ones every time: half uniform in [0, 1], half normal with deviation 2."""
    random = np.random.default_rng(20240229)
    half = POINTS // 2
    points = [random.uniform(size=(half, network.input_width)), 2 * random.normal(size=(half, network.input_width))]
    return np.concatenate(points).astype(np.float32).astype(np.float64)


def compare(
    network: Network,
    original: Callable[[Float64[np.ndarray, "b n"]], Float64[np.ndarray, "b m"]],
    *,
    tolerance: float,
    name: str,
) -> None:
    """Nothing, when ``original`` answers as the network does.

    ``tolerance`` is relative to the sizes that each point's outputs are summed from.

    Raises:
        SelfCheckFailed: the answers differ by more, or have another length.
    """
    points = sample(network)
    ours, theirs = network.evaluate(points), original(points)
    if theirs.shape != ours.shape:
        raise SelfCheckFailed(
            f"{name}: the original answers with shape {theirs.shape}, the network read with {ours.shape}."
        )
    scale = np.maximum(np.abs(ours).max(axis=1), _summands(network, points)) + 1e-300
    gaps = np.abs(ours - theirs).max(axis=1) / scale
    worst = int(np.argmax(np.where(np.isnan(gaps), np.inf, gaps)))
    if not gaps[worst] <= tolerance:
        raise SelfCheckFailed(
            f"{name}: the network as read and the original differ by {gaps[worst]:.2e} (relative; {tolerance:.0e} is "
            f"allowed) at random point {worst}: {ours[worst][:5]} against {theirs[worst][:5]}. "
            f"Please report this model."
        )


def _summands(network: Network, points: np.ndarray) -> np.ndarray:
    """The largest sum of absolute terms in a last affine map, per point; 0 where the last op is another."""
    last = network.nodes[-1]
    if len(network.nodes) < 2 or not isinstance(last.op, Affine) or last.inputs != (len(network.nodes) - 1,):
        return np.zeros(len(points))
    inner = Network(network.input_shape, network.nodes[:-1]).evaluate(points)
    terms = abs(last.op.weight) @ np.abs(inner).T + np.abs(last.op.bias)[:, None]
    return np.asarray(terms).max(axis=0)
