"""A small local page to listen and label: one clip, one key, and every answer on disk before the next."""
