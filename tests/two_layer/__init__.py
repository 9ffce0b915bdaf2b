"""The exact l2 solver for networks with one hidden layer."""
