"""Networks of a single member: a trunk with a class head and an auxiliary head, as one pytree."""

from sottovoce import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__, submodules={"base", "initialization", "mlp", "own"})
