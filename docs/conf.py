"""The documentation site: Markdown pages, and the reference out of docstrings. Built by `make docs`, without network."""

import re

from sphinx.application import Sphinx

from sottovoce import __version__

project = "sottovoce"
copyright = "2026, the authors of sottovoce"  # noqa: A001 - Sphinx's name for it
release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
templates_path = ["_templates"]

# Formulas stand in code blocks, readable without any renderer; they are no program in any language.
highlight_language = "none"
# Docstrings write code between single backticks, as Markdown does.
default_role = "literal"
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
napoleon_numpy_docstring = False
# A dataclass lists its fields in its docstring: shown as a list, not once more as members.
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"sottovoce {release}"
html_show_sourcelink = False
html_copy_source = False


def as_plain_text(_app: Sphinx, _what: str, _name: str, _of: object, _options: object, lines: list[str]) -> None:
    """Keep reST from reading a docstring's |x| and trailing_ as markup, and set apart what an experiment asks."""
    text = re.sub(r"\||(?<=\w)_(?!\w)", r"\\\g<0>", "\n".join(lines))
    asked = re.compile(r"^(Question|Setting|Expected|Runtime): (.*(?:\n +.*)*)", flags=re.MULTILINE)
    lines[:] = asked.sub(lambda found: f"\n**{found[1]}.** {' '.join(found[2].split())}", text).split("\n")


def setup(app: Sphinx) -> None:
    """Read docstrings before Napoleon does."""
    app.connect("autodoc-process-docstring", as_plain_text, priority=400)
