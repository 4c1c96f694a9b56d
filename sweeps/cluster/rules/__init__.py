"""What is wrong with a cluster file, one kind of mistake per file."""
