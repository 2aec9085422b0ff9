"""Strategies, one file per reason an item is worth a label."""
