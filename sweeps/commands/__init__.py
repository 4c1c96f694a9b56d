"""The commands, one group per file; `sweeps.cli` puts them together."""
