"""Studies that people label: begun, asked, answered and gone on with."""
