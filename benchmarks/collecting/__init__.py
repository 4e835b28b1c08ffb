"""What benchmarks/collect.py measures with: a picture server, lists, and processes all of whose CPU time counts."""
