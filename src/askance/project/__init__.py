"""A project: your own file, from cold start to predictions."""
