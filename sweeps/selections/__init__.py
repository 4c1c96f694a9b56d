"""What rounds chose to be labelled: told with reasons, and written into a file."""
