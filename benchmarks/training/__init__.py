"""The rows of benchmarks/train_gpu.py: `cifar` prepares data, `runs` trains, `rows` has a recipe for each figure."""
