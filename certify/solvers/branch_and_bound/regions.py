"""Regions that a search can work on: bounded, and not empty."""

import dataclasses as dc

import numpy as np
from jaxtyping import Float64

from certify.errors import InvalidInput
from certify.query import Queries
from certify.region import Box, Norm
from certify.rounding import distance_up


def bounded(queries: Queries) -> Queries:
    """The same questions with every radius at most what reaches the whole domain.

    Raises:
        InvalidInput: a region is unbounded, or empty because its ball does not meet the domain.
    """
    domain, radii = queries.domain, queries.radii
    if domain is not None:
        inside = np.clip(queries.centres, domain.lower, domain.upper)
        gaps = [
            distance_up(a, b, queries.norm.value)
            for a, b in zip(inside.tolist(), queries.centres.tolist(), strict=True)
        ]
        bad = np.flatnonzero(np.array(gaps) > radii)
        if bad.size:
            i = int(bad[0])
            raise InvalidInput(
                f"The region of question {i} (and {bad.size - 1} more) is empty: its ball of radius {radii[i]} does "
                f"not meet the domain, which is {gaps[i]} away. Nothing can be said about no points; check the units."
            )
        radii = np.minimum(radii, _reach(queries.centres, domain, queries.norm))
    if not np.isfinite(radii).all():
        i = int(np.flatnonzero(~np.isfinite(radii))[0])
        raise InvalidInput(
            f"The region of question {i} is unbounded: radius {radii[i]} and no finite domain. Give a finite radius, "
            f"or a domain with finite ends."
        )
    return dc.replace(queries, radii=radii)


def _reach(centres: Float64[np.ndarray, "b n"], domain: Box, norm: Norm) -> Float64[np.ndarray, " b"]:
    """Radii (B,) of balls that hold the whole domain; lengths are scaled, for squares of tiny ones are 0."""
    with np.errstate(over="ignore"):
        far = np.maximum(np.abs(domain.upper - centres), np.abs(domain.lower - centres))
        size = far.max(axis=1)
        unit = np.where(np.isfinite(size) & (size > 0), size, 1.0)
        return unit * np.linalg.norm(far / unit[:, None], ord=norm.value, axis=1) * (1 + 1e-9) + 1e-300
