"""Conversion of the user's own checkpoints and modules to plain arrays and to networks of this package, and back."""

from sottovoce import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__, submodules={"checkpoints", "networks", "torch", "torch_files"})
