"""A trained model in MLflow's registry, and served from there."""
