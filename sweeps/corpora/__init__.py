"""Corpora as commands show them: counts, folds, overlap."""
