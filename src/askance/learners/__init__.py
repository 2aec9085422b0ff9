"""Learners: recipes that turn a lesson into a model."""
