"""Networks for one member and one batch: a trunk with a class head and an auxiliary head, as one pytree."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submodules={"initialization", "mlp"})
