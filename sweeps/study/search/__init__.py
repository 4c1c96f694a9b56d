"""The `search:` block of a study: its settings, its space, and what is refused."""
