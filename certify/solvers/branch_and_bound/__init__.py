"""Complete verification of deep networks: branch and bound over ReLU phases or over halves of the input."""
