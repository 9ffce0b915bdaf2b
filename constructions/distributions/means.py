"""Feature vectors mu_1 .. mu_k in R^d, one a row, of length sqrt(d)."""

import numpy as np
from jaxtyping import Float64

from certify.errors import InvalidInput
from constructions.distributions.hadamard import hadamard_rows

ORTHOGONAL_TOLERANCE = 1e-9
"""The largest |cosine|, and relative fault of a length, that counts as rounding."""


def orthogonal(k: int, d: int, *, seed: int) -> Float64[np.ndarray, "k d"]:
    """Uniformly random orthogonal vectors: the QR factors of a Gaussian matrix, signs fixed, times sqrt(d).

    Raises:
        InvalidInput: more vectors than dimensions.
    """
    _check_counts(k, d)
    if k > d:
        raise InvalidInput(f"{k} orthogonal features do not fit into {d} dimensions. Take d >= {k} or k <= {d}.")
    factor, triangle = np.linalg.qr(np.random.default_rng(seed).standard_normal((d, k)))
    return np.ascontiguousarray((factor * np.sign(np.diag(triangle))).T * np.sqrt(d))


def axis(k: int, d: int) -> Float64[np.ndarray, "k d"]:
    """The first k multiples ``sqrt(d) e_j`` of unit vectors. Raises InvalidInput when k > d."""
    _check_counts(k, d)
    if k > d:
        raise InvalidInput(f"{k} orthogonal features do not fit into {d} dimensions. Take d >= {k} or k <= {d}.")
    return np.eye(k, d) * np.sqrt(d)


def hadamard(k: int, d: int, *, seed: int) -> Float64[np.ndarray, "k d"]:
    """Vectors with entries +-1, exactly orthogonal: k rows, drawn by ``seed``, of a Hadamard matrix of order d.

    Raises:
        InvalidInput: k > d, or no such matrix is known here.
    """
    _check_counts(k, d)
    if k > d:
        raise InvalidInput(f"A Hadamard matrix of order {d} has no {k} rows. Take d >= {k} or k <= {d}.")
    return hadamard_rows(d, np.random.default_rng(seed).permutation(d)[:k].astype(np.int64))


def gaussian(k: int, d: int, *, seed: int) -> Float64[np.ndarray, "k d"]:
    """Independent N(0, I) vectors: of length about sqrt(d), with cosines of about 1/sqrt(d)."""
    _check_counts(k, d)
    return np.random.default_rng(seed).standard_normal((k, d))


def largest_cosine(features: Float64[np.ndarray, "k d"]) -> tuple[float, int, int]:
    """The largest |cosine| between two different features, and which two they are."""
    units = features / np.linalg.norm(features, axis=1, keepdims=True)
    cosines = np.abs(units @ units.T)
    np.fill_diagonal(cosines, 0.0)
    i, j = (int(index) for index in np.unravel_index(cosines.argmax(), cosines.shape))
    return float(cosines[i, j]), min(i, j), max(i, j)


def require_orthogonal(features: Float64[np.ndarray, "k d"]) -> None:
    """Refuses features that are not, up to rounding, orthogonal and of length sqrt(d).

    Raises:
        InvalidInput: with the largest |cosine|, or the length that differs most.
    """
    cosine, i, j = largest_cosine(features)
    if cosine > ORTHOGONAL_TOLERANCE:
        raise InvalidInput(
            f"The features are not orthogonal: max |cos| = {cosine:.3g}, between features {i} and {j}; at most "
            f"{ORTHOGONAL_TOLERANCE:g} is rounding. Statements for orthogonal features do not hold for them; make "
            f"some with Clusters.orthogonal, hadamard or axis."
        )
    lengths, expected = np.linalg.norm(features, axis=1), np.sqrt(features.shape[1])
    worst = int(np.abs(lengths - expected).argmax())
    if abs(lengths[worst] - expected) > ORTHOGONAL_TOLERANCE * expected:
        raise InvalidInput(
            f"Feature {worst} has length {lengths[worst]:.9g}, and sqrt(d) = {expected:.9g} is needed. Rescale the "
            f"features and the noise together."
        )


def _check_counts(k: int, d: int) -> None:
    if k < 2 or d < 1:
        raise InvalidInput(f"At least 2 clusters in at least 1 dimension are needed, not k = {k}, d = {d}.")
