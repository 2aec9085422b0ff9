"""Signals: arrays that a model gives, a row per item."""
