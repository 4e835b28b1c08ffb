"""Measurements of the whole and of its rooms on real data; benchmarks/README.md has the figures."""
