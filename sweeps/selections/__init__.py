"""What rounds chose to be labelled: told with reasons, written into a file, and replayed from one."""
