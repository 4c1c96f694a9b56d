"""Ray Tune trainables: one kind of trial each."""
