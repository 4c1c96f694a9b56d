"""Speaker-independent folds, the label oracle, and the checks that nothing leaks."""
