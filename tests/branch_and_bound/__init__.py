"""Branch and bound for networks of any depth."""
