"""Provenance: by what code results were made, whether it has drifted, whether they come out again."""
