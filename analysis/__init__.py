"""Results to tests, tables, figures and the report."""
