"""Launching: Ray started, jobs handed out in order, budgets kept, trials watched."""
