"""The linear toy."""

import xarray as xr

from sottovoce import figures
from sottovoce.drawings import toy_training
from sottovoce.drawings.drawing import Drawing, Results, setting

TITLE = "The linear toy"
INTRO = (
    "A linear teacher y = x W1 W2 and a student solved in closed form on its auxiliary logits, W2 kept; then the same "
    "student trained step by step, and with W2 moving."
)


def draw(results: Results) -> list[Drawing]:
    """Return the post's Figures 1 and 2, the capture law, and the toy trained step by step."""
    drawings = [_toy(results[f"toy_{n_aux}"], n_aux) for n_aux in (1, 2) if f"toy_{n_aux}" in results]
    if "capture" in results:
        drawings.append(_capture(results["capture"]))
    return drawings + (toy_training.draw(results["toy_training"]) if "toy_training" in results else [])


def _toy(dataset: xr.Dataset, n_aux: int) -> Drawing:
    return Drawing(
        key=f"figure{n_aux}",
        title=f"The post's Figure {n_aux}: students of {('one', 'two')[n_aux - 1]} auxiliary logit{'s'[: n_aux - 1]}",
        alt="Three planes with the columns of the teacher's and the student's map as rays from the origin, and a "
        "histogram of the cosine between their class columns over all draws with its exact density.",
        caption="Dashed yellow: columns of the teacher A. Solid: columns of the student A', blue and green for the "
        "auxiliary logits it was taught, magenta for the class logit it never saw. Right: all draws. "
        f"Setting: {setting(dataset)}, {dataset.sizes['draw']:,} draws each.",
        figure=figures.toy.draw(dataset),
        data=dataset[["cosine", "relative_error", "captured"]].isel(draw=slice(0, 200)),
    )


def _capture(dataset: xr.Dataset) -> Drawing:
    return Drawing(
        key="capture",
        title="What the auxiliary columns span of a class column",
        alt="Captured energy rises in a straight line with the number of auxiliary logits, one logit later under kl "
        "than under mse; simulated means and bands lie on the Beta law.",
        caption="The law Beta(r/2, (hidden - r)/2) for r directions seen: r = k under mse, r = k - 1 under kl, which "
        f"is blind to a shift common to all logits. Bands: 5th to 95th percentile. Setting: {setting(dataset)}.",
        figure=figures.toy.draw_capture(dataset),
        data=dataset[["captured_mean"]].mean("member").merge(dataset[["law_mean"]]),
    )
