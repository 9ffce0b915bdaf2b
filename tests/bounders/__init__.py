"""Tests of certify.bounders."""
