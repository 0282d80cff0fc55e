"""Compares a backport with its upstream commit: patch ids, fidelity."""
