"""The parts of `benchmarks/annotate.py`: a large campaign, the app as a process, the load, the figures."""
