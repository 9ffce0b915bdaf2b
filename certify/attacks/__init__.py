"""Searches for counterexamples. Finding none proves nothing."""
