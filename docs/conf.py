"""The documentation site: Markdown pages, and the reference out of docstrings; built by `make docs` without network."""

import re

from sphinx.application import Sphinx

from sottovoce import __version__

project = "sottovoce"
copyright = "2026, the authors of sottovoce"
release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
templates_path = ["_templates"]

# Formulas stand in code blocks, readable without any renderer; they are no program in any language.
highlight_language = "none"
# Docstrings write code between single backticks, as Markdown does.
default_role = "literal"
# Names of dimensions in signatures look like references, and fields of several classes bear them.
suppress_warnings = ["ref.python"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 100
napoleon_numpy_docstring = False
# A dataclass lists its fields in its docstring: shown as a list, not once more as members.
napoleon_use_ivar = True


html_theme = "furo"
html_title = f"sottovoce {release}"
html_show_sourcelink = False
html_copy_source = False


# Code between backticks stays as it is; outside, |x| and trailing_ would be markup.
MARKUP = re.compile(r"`[^`]*`|(\||(?<=\w)_(?!\w))")
ASKED = re.compile(r"^(Question|Setting|Expected|Runtime): (.*(?:\n +.*)*)", flags=re.MULTILINE)


def as_plain_text(_app: Sphinx, _what: str, _name: str, _of: object, _options: object, lines: list[str]) -> None:
    """Keep reST from reading plain text as markup, and set apart what the docstring of an experiment asks."""
    text = MARKUP.sub(lambda found: f"\\{found[0]}" if found[1] else found[0], "\n".join(lines))
    lines[:] = ASKED.sub(lambda found: f"\n**{found[1]}.** {' '.join(found[2].split())}", text).split("\n")


def setup(app: Sphinx) -> None:
    """Read docstrings before Napoleon does."""
    app.connect("autodoc-process-docstring", as_plain_text, priority=400)
