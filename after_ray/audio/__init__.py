"""Decode and resample audio, batch it by length, tell copies apart."""
