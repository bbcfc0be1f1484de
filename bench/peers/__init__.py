"""Comparisons with other products, on the same machine and data; each runs in an environment of its own."""
