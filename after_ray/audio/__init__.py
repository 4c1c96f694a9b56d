"""Decode and resample once, then batch by length."""
