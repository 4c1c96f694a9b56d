"""Running studies: prepared, launched, followed, mirrored."""
