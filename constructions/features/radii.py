"""Exact l2 radii at any point, in closed form: for one neuron per orthogonal feature, and for two averaged neurons.

With orthogonal features of length sqrt(d) a network sees only ``u_j = <mu_j, x> / sqrt(d)``, and an l2 ball in x
projects onto the ball of the same radius in u. All radii are those of the point's own label, 0 where that is missed. A
tie counts as a miss, so a radius is the distance to where the margin is no longer positive.
"""

import numpy as np
from jaxtyping import Bool, Float64

from certify.errors import InvalidInput


def sum_radii(
    u: Float64[np.ndarray, "b k"], positive: Bool[np.ndarray, " k"], label: Float64[np.ndarray, " b"], level: float
) -> Float64[np.ndarray, " b"]:
    """The radii of ``sum_+ relu(u_j - level) - sum_- relu(u_l - level)``; ``label`` is +1 or -1.

    With ``level = beta sqrt(d)`` this is ``f_robust``, with 0 the decoupled net with the sum read-out. For q opposing
    neurons switched on, the cheapest are the q largest; the nearest point then raises these by some t and lowers each
    active own one by t, or to its level, and t is where both sides are equal. q = 0 is to switch all own ones off.
    """
    radii = np.zeros(len(u))
    for sign, own in ((1.0, positive), (-1.0, ~positive)):
        rows = label == sign
        above, others = _descending(u[rows][:, own] - level), _descending(u[rows][:, ~own] - level)
        above = np.maximum(above, 0.0)
        best = np.linalg.norm(above, axis=1)
        for q in range(1, others.shape[1] + 1):
            best = np.minimum(best, _equalised(above, others[:, :q]))
        right = above.sum(axis=1) > np.maximum(others, 0.0).sum(axis=1)
        radii[rows] = np.where(right, best, 0.0)
    return radii


def _equalised(above: Float64[np.ndarray, "b m"], raised: Float64[np.ndarray, "b q"]) -> Float64[np.ndarray, " b"]:
    """The distance to ``sum relu(above - t) = sum (raised + t)``; ``above`` is descending and non-negative.

    While the first s own neurons stay active, ``t = (sum of these - sum of raised) / (s + q)``; s is the first for
    which that t switches the next one off. Of use where the point is classified right, so that t > 0.
    """
    padded = np.pad(above, ((0, 0), (1, 1)))
    moves = np.cumsum(padded[:, :-1], axis=1) - raised.sum(axis=1)[:, None]
    moves /= np.arange(above.shape[1] + 1) + raised.shape[1]
    first = (moves >= padded[:, 1:]).argmax(axis=1)
    t = np.take_along_axis(moves, first[:, None], axis=1)
    return np.sqrt((np.minimum(above, t) ** 2).sum(axis=1) + raised.shape[1] * t[:, 0] ** 2)


def max_radii(
    u: Float64[np.ndarray, "b k"], positive: Bool[np.ndarray, " k"], label: Float64[np.ndarray, " b"]
) -> Float64[np.ndarray, " b"]:
    """The radii of ``max_+ relu(u_j) - max_- relu(u_l)``; ``label`` is +1 or -1.

    Either the largest opposing coordinate and the own ones above it meet at their mean, or all own ones go to 0.
    """
    radii = np.zeros(len(u))
    for sign, own in ((1.0, positive), (-1.0, ~positive)):
        rows = label == sign
        mine, rival = _descending(u[rows][:, own]), u[rows][:, ~own].max(axis=1)
        means = (np.cumsum(mine, axis=1) + rival[:, None]) / np.arange(2, mine.shape[1] + 2)
        following = np.concatenate([mine[:, 1:], np.full((len(mine), 1), -np.inf)], axis=1)
        meeting = np.take_along_axis(means, (means >= following).argmax(axis=1)[:, None], axis=1)
        lowered = np.maximum(mine - meeting, 0.0)
        met = np.sqrt((lowered**2).sum(axis=1) + (meeting[:, 0] - rival) ** 2)
        off = np.linalg.norm(np.maximum(mine, 0.0), axis=1)
        right = np.maximum(mine[:, 0], 0.0) > np.maximum(rival, 0.0)
        radii[rows] = np.where(right, np.minimum(met, off), 0.0)
    return radii


def averaged_radii(
    activations: Float64[np.ndarray, "b 2"], lengths: tuple[float, float], label: Float64[np.ndarray, " b"]
) -> Float64[np.ndarray, " b"]:
    """The radii of ``relu(P) - relu(N)`` with ``P = <w_+, x> + b_+`` and ``N`` likewise, for orthogonal w_+ and w_-.

    ``activations`` are (P, N), ``lengths`` (||w_+||, ||w_-||). For label +1 the net fails on the union of two
    half-spaces, ``P <= 0`` and ``P <= N``; for -1 the parts are exchanged.

    Raises:
        InvalidInput: a length that is not positive.
    """
    if not min(lengths) > 0:
        raise InvalidInput(f"The two weights have lengths {lengths}; both must be positive.")
    own = np.where(label > 0, activations[:, 0], activations[:, 1])
    other = np.where(label > 0, activations[:, 1], activations[:, 0])
    off = own / np.where(label > 0, lengths[0], lengths[1])
    radii = np.minimum(off, (own - other) / np.hypot(*lengths))
    return np.where((own > 0) & (own > other), radii, 0.0)


def _descending(values: Float64[np.ndarray, "b m"]) -> Float64[np.ndarray, "b m"]:
    return -np.sort(-values, axis=1)
