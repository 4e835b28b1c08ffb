"""The figures of benchmarks/shards.py: what is read and written, by whom, and how it is timed."""
