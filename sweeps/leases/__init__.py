"""Who is at work on what: leases and claims save work, and correctness never depends on them."""
