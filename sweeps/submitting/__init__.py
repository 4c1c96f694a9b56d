"""Launches handed to a cluster as Ray jobs: the driver runs on the head, the laptop may sleep."""
