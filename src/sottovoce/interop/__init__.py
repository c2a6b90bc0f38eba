"""The user's own checkpoints and modules: as plain arrays, as our networks, and back."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules={"checkpoints", "networks", "torch", "torch_files"}
)
