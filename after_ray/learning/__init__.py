"""Training one round, and the active-learning loop (Algorithm 1 of the paper)."""
