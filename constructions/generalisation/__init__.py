"""Robust generalisation: networks that are right within c eps of all of two classes, not only of a sample."""
