"""One file per corpus, the manifest they all give, and their audio, prepared once."""
