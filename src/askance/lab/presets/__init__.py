"""Settings of published comparisons, declared once and run by name."""
