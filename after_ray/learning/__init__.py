"""The active-learning loop (Algorithm 1 of the paper): rounds, their sizes, what each starts from."""
