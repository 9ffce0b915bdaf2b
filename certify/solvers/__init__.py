"""Bounders and attacks put together: from relaxations to proved radii."""
