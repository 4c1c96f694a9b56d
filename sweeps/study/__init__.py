"""A study file: read, validated with the place of every mistake."""
