"""How fast this machine is: the benchmark, its baselines in PyTorch, what predictions cost."""
