"""AFTER: everything that happens inside one trial. Imports neither Ray nor MLflow."""

__version__ = "0.1.0"
