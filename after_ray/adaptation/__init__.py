"""Label-free further training of a backbone."""
