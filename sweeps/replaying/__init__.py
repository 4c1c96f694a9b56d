"""Recorded selections that trajectories of a study replay: read from a file, checked, made a stage."""
