"""Measurements of speed on this machine: the benchmark, its PyTorch baselines, and the cost of predictions."""
