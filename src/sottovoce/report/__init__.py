"""The report: one self-contained HTML page from plain values; it knows no experiment by name."""

from sottovoce import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submodules={"page", "svg"},
    submod_attrs={"page": ["ClaimRow", "Figure", "Page", "Section", "Table", "render", "write"]},
)
