"""The colors and file formats that all figures share: the post's palette for its three figures, else Okabe-Ito."""

import contextlib
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

STYLE_FILE = Path(__file__).with_name("sottovoce.mplstyle")

POST_TOY = {
    "teacher": "#F2B705",
    "auxiliary": "#2F6FDE",
    "auxiliary_2": "#21A179",
    "class": "#E0218A",
    "axes": "#9A9A9A",
}
"""Figures 1 and 2: teacher columns, trained (auxiliary) student columns, the class column, axes."""

POST_SPECTRUM = {"reference": "#7FD48A", "teacher": "#E3CF57", 2: "#D81BA8", 4: "#16B5CF", 8: "#F28E1C"}
"""Figure 3: initialization (light green), teacher (pale yellow), students by number of auxiliary logits."""

OKABE_ITO = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
    "gray": "#8C8C8C",
}
"""Okabe and Ito's eight colors, told apart in all common forms of color blindness, and a neutral gray."""

ROLES = {
    "reference": OKABE_ITO["gray"],
    "teacher": OKABE_ITO["orange"],
    "student": OKABE_ITO["blue"],
    "student_all": OKABE_ITO["sky"],
    "cross_model": OKABE_ITO["vermilion"],
    "cross_model_all": OKABE_ITO["purple"],
    "unrelated": OKABE_ITO["green"],
}
"""Colors of the networks of the transfer protocol."""

OBJECTIVES = {"mse": OKABE_ITO["blue"], "kl": OKABE_ITO["vermilion"]}
"""Colors of the two distillation objectives."""

MARKERS = ("o", "s", "^", "D")
"""Markers of the values of a second variable, where the color shows a first one."""

ZERO_LINE = {"color": OKABE_ITO["gray"], "lw": 0.8}
DOTTED_LINE = {"color": OKABE_ITO["gray"], "ls": ":", "lw": 1}
"""Reference lines: of zero, and of a level such as chance or a nominal rate."""

DIAMONDS = {"marker": "D", "ls": "", "color": "white", "mec": "black", "ms": 5}
"""Hollow diamonds, for a second null or another value beside a bar."""

MINUS = "\N{MINUS SIGN}"
"""The sign that matplotlib's own numbers have, for text beside them."""


def context() -> contextlib.AbstractContextManager[None]:
    """Return a context manager in which matplotlib draws in this package's style, whatever the user's settings are."""
    return mpl.rc_context(mpl.rc_params_from_file(STYLE_FILE, use_default_template=True))


def save(figure: Figure, stem: Path) -> tuple[Path, Path]:
    """Write a figure as SVG and PNG (200 dots per inch) and return their paths: `stem` with these suffixes.

    The same figure gives the same bytes, since no date or version is written.
    """
    svg, png = stem.with_suffix(".svg"), stem.with_suffix(".png")
    with context():
        figure.savefig(png, metadata={"Software": None})
        # Last, so that the figure keeps the layout of its SVG: resolution moves it by fractions of a point.
        figure.savefig(svg, metadata={"Date": None, "Creator": None})
    return svg, png
