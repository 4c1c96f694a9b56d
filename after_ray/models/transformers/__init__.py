"""Model folders that plain transformers loads: the code that they carry, and what describes them."""
