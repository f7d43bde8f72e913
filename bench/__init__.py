"""Benchmarks: figures beside named peers, each in one run."""
