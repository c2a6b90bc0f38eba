"""Results on disk: identity of a configuration, the store of its members, claims, progress and provenance."""

from sottovoce import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    ["catalog", "chunks", "disk", "execution", "identity", "locking", "merging", "progress", "provenance", "store"],
    submod_attrs={"execution": ["Interrupted", "compute_chunk", "execute"], "store": ["RunFolder"]},
)
