"""The spine: a study asks, is told, and remembers."""
