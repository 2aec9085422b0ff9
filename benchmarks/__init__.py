"""Benchmarks, gates and the generators of the documents."""
