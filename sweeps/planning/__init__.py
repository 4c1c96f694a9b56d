"""Plans: studies opened with their corpora, expanded into cells and stages, cut into jobs, compared."""
