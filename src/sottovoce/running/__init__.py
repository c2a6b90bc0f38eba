"""One call from Python, in this process or on the workers of a cluster."""
