"""Regions that a search can work on: bounded, and not empty."""

import dataclasses as dc

import numpy as np

from certify.errors import InvalidInput
from certify.query import Queries
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
        radii = np.minimum(radii, domain.reach(queries.centres, queries.norm))
    if not np.isfinite(radii).all():
        i = int(np.flatnonzero(~np.isfinite(radii))[0])
        raise InvalidInput(
            f"The region of question {i} is unbounded: radius {radii[i]} and no finite domain. Give a finite radius, "
            f"or a domain with finite ends."
        )
    return dc.replace(queries, radii=radii)
