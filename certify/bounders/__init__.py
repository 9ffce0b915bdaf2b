"""Sound lower bounds on margins, batched."""
