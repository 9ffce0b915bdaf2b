"""Exact l2 radii of networks with one hidden layer: branch and bound in Gram space, and its independent proof."""
