"""Declare, plan, launch and track sweeps; the command line."""
