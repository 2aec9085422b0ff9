"""Data sets, strategies and seeds, honestly compared."""
