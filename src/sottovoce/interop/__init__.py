"""The user's own checkpoints and modules: as plain arrays, as our networks, and back."""

from sottovoce import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__, submodules={"checkpoints", "networks", "torch", "torch_files"})
