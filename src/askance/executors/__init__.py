"""Executors: map a function over independent tasks."""
