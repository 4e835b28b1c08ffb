"""The rows of benchmarks/train_gpu.py: `cifar` prepares the data, `rows` has a recipe for each figure."""
