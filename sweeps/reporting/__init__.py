"""From a plan to the report, and what it says of a study in words."""
