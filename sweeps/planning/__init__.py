"""Plans: studies expanded into cells, trajectories and stages, cut into jobs, counted and compared."""
