"""What `benchmarks/dedup.py` measures: planted copies, CIFAR-10's known duplicates, speed, and the peers."""
