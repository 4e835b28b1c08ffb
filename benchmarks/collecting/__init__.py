"""What benchmarks/collect.py measures with: a picture server, its lists, and processes whose CPU time is all counted."""
