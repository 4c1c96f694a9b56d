"""How long jobs take on given cores and GPUs, in which order, and what no order could stay below."""
