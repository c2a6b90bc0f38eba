"""The report: one self-contained HTML page, and the results, figures and claims that it shows."""

from sottovoce import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submodules={"access", "build", "ledger", "page", "results", "sections", "svg"},
    submod_attrs={"page": ["ClaimRow", "Figure", "Page", "Section", "Table", "render", "write"]},
)
