"""The post's Figures 1 and 2: columns of the toy's maps, their cosines beside the exact law, and their errors."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sottovoce.experiments.toy.config import N_EXAMPLES
from sottovoce.lab import panels
from sottovoce.lab.drawing import Drawing, Results
from sottovoce.lab.sources import setting
from sottovoce.lab.style import MINUS, POST_TOY

# A paler tint of the class column's color, for columns that point away from the teacher's.
OPPOSITE = "#F4B8D9"
MARGIN = 1.12

# A cosine that rounding lifts to or above 1 still falls into the last bin.
BELOW_ONE = 1 - 1e-9

# Stands for an error of zero on the logarithmic axis.
SMALLEST_ERROR = 1e-17
TEACHER_DASHES = (0, (1.5, 1.1))

TITLE = "The linear toy"
INTRO = (
    "A linear teacher y = x W1 W2 and a student solved in closed form on its auxiliary logits with W2 frozen; then the "
    "same student trained step by step, with W2 frozen and with W2 trained."
)


def draw_section(results: Results) -> list[Drawing]:
    """Return the post's Figures 1 and 2."""
    return [_toy(results[f"toy_{n_aux}"], n_aux) for n_aux in (1, 2) if f"toy_{n_aux}" in results]


def _toy(dataset: xr.Dataset, n_aux: int) -> Drawing:
    return Drawing(
        key=f"figure{n_aux}",
        title=f"The post's Figure {n_aux}: students of {('one', 'two')[n_aux - 1]} auxiliary logit{'s'[: n_aux - 1]}",
        alt="Three planes with the columns of the teacher's and the student's map as rays from the origin, and a "
        "histogram of the cosine between their class columns over all draws with its exact density.",
        caption="Dashed yellow: columns of the teacher A. Solid: columns of the student A', blue and green for the "
        "auxiliary logits it was taught, magenta for the class logit it never saw. Right: all draws. "
        f"Setting: {setting(dataset)}, {dataset.sizes['draw']:,} draws each.",
        figure=draw(dataset),
        data=dataset[["cosine", "relative_error", "captured"]].isel(draw=slice(0, 200)),
    )


def draw(dataset: xr.Dataset) -> Figure:
    """Draw a result with two inputs as the post's Figure 1 (one auxiliary logit) or 2 (two): three draws, then all."""
    n_aux = int((dataset["role"] == "auxiliary").sum())
    logits = {1: "one auxiliary logit", 2: "two auxiliary logits"}.get(n_aux, f"{n_aux} auxiliary logits")
    title = f"Toy student distilled on {logits}: columns of teacher A and student A'"
    with panels.figure(title, 12.6, 4.25) as figure:
        *planes, last = figure.subplots(1, N_EXAMPLES + 1, width_ratios=[*[1] * N_EXAMPLES, 1.15])
        for example, ax in enumerate(planes):
            _plane_panel(ax, dataset, example)
        (cosine_panel if "cosine_law" in dataset else _error_panel)(last, dataset)
        figure.legend(handles=_ray_handles(dataset), loc="outside lower center", ncols=4, handlelength=3)
    return figure


def _plane_panel(ax: Axes, dataset: xr.Dataset, example: int) -> None:
    """Draw the columns of one draw's maps A and A' of the first member as rays from the origin, as in the post."""
    maps = dataset.isel(member=0)
    limit = MARGIN * float(np.abs([maps["teacher"], maps["student"]]).max())
    for line in (ax.axhline, ax.axvline):
        line(0, color=POST_TOY["axes"], linewidth=0.8, zorder=0)
    colors = _student_colors(dataset)
    teacher, student = maps["teacher"].values[example].T, maps["student"].values[example].T
    for column, color in zip(teacher, colors, strict=True):
        # All of the teacher's columns have one color, so the rim of the dot shows which one is the class logit's.
        rim = color if color == POST_TOY["class"] else POST_TOY["teacher"]
        _ray(ax, column, POST_TOY["teacher"], 5.5, TEACHER_DASHES, {"markersize": 11, "markeredgecolor": rim})
    # The class columns are drawn last, so that they stay visible where columns lie on one line.
    for column, color in reversed(list(zip(student, colors, strict=True))):
        _ray(ax, column, color, 2.0, "-", {"markersize": 5.5, "zorder": 3})
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    cosine = f"{float(maps['cosine'].isel(draw=example, logit=0)):.2f}".replace("-", MINUS)
    ax.set_title(f"draw {example + 1}:  cosine of class columns {cosine}", loc="center", fontsize=9.5)


def cosine_panel(ax: Axes, dataset: xr.Dataset) -> None:
    """Draw the distribution of the class column's absolute cosine over all draws, beside its exact law."""
    cosine = _of_class_columns(dataset["cosine"])
    parts = [cosine[cosine >= 0], -cosine[cosine < 0]]
    colors = [POST_TOY["class"], OPPOSITE]
    look = {"color": colors, "stacked": True, "edgecolor": "white", "linewidth": 0.4}
    ax.hist([np.minimum(part, BELOW_ONE) for part in parts], bins=25, range=(0, 1), density=True, **look)
    # Taken from the histogram, before the law is drawn: its density may grow without bound toward 1.
    top = ax.dataLim.y1
    names = ("same direction as the teacher's", "opposite direction")
    handles: list[Artist] = [
        Patch(color=color, label=f"{name} ({part.size / cosine.size:.0%})")
        for part, color, name in zip(parts, colors, names, strict=True)
    ]
    if "cosine_law" in dataset:
        law = dataset["cosine_law"]
        handles += ax.plot(law["abs_cosine"], law, color="black", linewidth=1.5, label="exact law")
    ax.set(xlim=(0, 1.005), ylim=(0, top * 1.05), ylabel="density")
    ax.set_xlabel("|cosine| of teacher's and student's class column")
    ax.set_title(f"all {cosine.size:,} class columns", loc="center", fontsize=9.5)
    ax.legend(handles=handles, loc="upper left", handlelength=1.2)


def _error_panel(ax: Axes, dataset: xr.Dataset) -> None:
    """Draw the class column's relative error over all draws; where the match is exact it is rounding alone."""
    error = _of_class_columns(dataset["relative_error"])
    logarithm = np.log10(np.maximum(error, SMALLEST_ERROR))
    ax.hist(logarithm, 40, color=POST_TOY["class"], edgecolor="white", linewidth=0.4)
    ax.set(xlim=(np.log10(SMALLEST_ERROR), max(0.0, logarithm.max())), ylabel="draws")
    ax.set_xlabel("relative error of the class column (left edge: zero)")
    powers = range(-16, 1, 4)
    ax.set_xticks(powers, [f"$10^{{{power}}}$" for power in powers])
    ax.set_title(f"all {error.size:,} class columns, largest error {error.max():.0e}", loc="center", fontsize=9.5)


def _of_class_columns(values: xr.DataArray) -> np.ndarray:
    return values.values[..., values["role"].values == "class"].ravel()


def _student_colors(dataset: xr.Dataset) -> list[str]:
    """Return one color per student column, class columns first."""
    n_class, n_aux = (int((dataset["role"] == role).sum()) for role in ("class", "auxiliary"))
    auxiliary = [POST_TOY["auxiliary"], POST_TOY["auxiliary_2"]]
    return [POST_TOY["class"]] * n_class + [auxiliary[i % 2] for i in range(n_aux)]


def _ray_handles(dataset: xr.Dataset) -> list[Line2D]:
    """Return the legend of the rays: one entry per color in use."""
    dashes = {"linewidth": 5, "linestyle": TEACHER_DASHES, "dash_capstyle": "butt", "markersize": 10}
    class_color, *auxiliary = dict.fromkeys(_student_colors(dataset))
    names = ["trained auxiliary logit"] if len(auxiliary) == 1 else ["first auxiliary logit", "second auxiliary logit"]
    labels = dict(zip(auxiliary, names, strict=True)) | {class_color: "class logit, never trained on"}
    entries = [("teacher (pink rim: class logit)", POST_TOY["teacher"], dashes)]
    entries += [(f"student: {label}", color, {"markersize": 5.5}) for color, label in labels.items()]
    return [Line2D([], [], color=color, marker="o", label=label, **look) for label, color, look in entries]


def _ray(ax: Axes, tip: np.ndarray, color: str, width: float, dashes: str | tuple, dot: dict[str, Any]) -> None:
    """Draw a line from the origin with a dot at its tip."""
    ax.plot([0, tip[0]], [0, tip[1]], color=color, linewidth=width, linestyle=dashes, dash_capstyle="butt")
    ax.plot(*tip, "o", color=color, **dot)
