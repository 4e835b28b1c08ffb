"""The figures of `benchmarks/consensus.py`: peers, crowds, and what is measured on them."""
