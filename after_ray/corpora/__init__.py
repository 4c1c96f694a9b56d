"""One file per corpus, and the manifest they all give."""
