"""Real CIFAR-10 pictures with real human judgments through every room; see benchmarks/cifar_end_to_end.py."""
