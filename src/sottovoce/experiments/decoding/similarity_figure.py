"""Figure that compares reference, teacher and student: accuracy by digit, similarity of hidden features, affine map."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sottovoce.lab import style

Estimates = Mapping[str, xr.Dataset]


def label_panel(ax: Axes, accuracy: xr.Dataset) -> None:
    """Draw the accuracy of each network on each label.

    Args:
        ax: where to draw.
        accuracy: estimates of `label_accuracy` by body and label.
    """
    labels = accuracy["label"].values
    for offset, body in zip((-0.22, 0, 0.22), accuracy["body"].values.tolist(), strict=True):
        estimate = accuracy.sel(body=body)
        ax.errorbar(
            labels + offset,
            estimate["mean"],
            yerr=_errors(estimate),
            fmt="o",
            ms=5,
            color=style.ROLES[body],
            label=body,
        )
    ax.set(xticks=labels, ylim=(-0.03, 1.2), xlabel="label", ylabel="test accuracy on the label's images")
    ax.set_yticks(np.linspace(0, 1, 6))


def cka_panel(ax: Axes, estimates: Estimates) -> None:
    """Draw the similarity of hidden features of each pair of networks, with its null, the CKA of shuffled images.

    Args:
        ax: where to draw.
        estimates: of `cka` and `cka_shuffled` by pair.
    """
    cka = estimates["cka"]
    x = np.arange(cka.sizes["pair"])
    ax.bar(x, cka["mean"], 0.55, yerr=_errors(cka), color=style.OKABE_ITO["sky"])
    shuffled = estimates["cka_shuffled"]["mean"]
    ax.plot(x, shuffled, "D", color="white", mec="black", ms=5, label="images shuffled")
    ax.set_xticks(x, [pair.replace(" and ", "\nand ") for pair in cka["pair"].values.tolist()])
    ax.set(ylim=(-0.04, 1.2), ylabel="debiased linear CKA, test images", yticks=np.linspace(0, 1, 6))


def affine_panel(ax: Axes, estimates: Estimates) -> None:
    """Draw for each network the accuracy of its class logits, and of its auxiliary logits through the affine map.

    Args:
        ax: where to draw.
        estimates: of `affine_accuracy`, `affine_accuracy_shuffled` and `graft_accuracy` by body.
    """
    through = estimates["affine_accuracy"]
    bodies = through["body"].values.tolist()
    # Indexing both dimensions with one array selects each body with its own class head.
    diagonal = xr.DataArray(bodies, dims="own")
    own = estimates["graft_accuracy"].sel(body=diagonal, head=diagonal)
    x = np.arange(len(bodies))
    for offset, estimate, color, label in (
        (-0.19, own, style.OKABE_ITO["gray"], "class logits"),
        (0.19, through, style.OKABE_ITO["green"], "aux. logits through the map"),
    ):
        ax.bar(x + offset, estimate["mean"], 0.36, yerr=_errors(estimate), color=color, label=label)
    shuffled = estimates["affine_accuracy_shuffled"]["mean"]
    ax.plot(x + 0.19, shuffled, "D", color="white", mec="black", ms=5, label="map of shuffled pairs")
    ax.set_xticks(x, bodies)
    ax.set(ylim=(0, 1.3), ylabel="test accuracy", yticks=np.linspace(0, 1, 6))


def _errors(estimate: xr.Dataset) -> np.ndarray:
    return np.abs(np.stack([estimate["mean"] - estimate["low"], estimate["high"] - estimate["mean"]]))


def draw(estimates: Estimates, title: str) -> Figure:
    """Draw the three panels; the title states dataset and members."""
    with style.context():
        figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12.0, 4.2), width_ratios=[1.5, 1, 1.1])
        label_panel(left, estimates["label_accuracy"])
        left.set_title("accuracy by label")
        left.legend(loc="upper right", ncols=3)
        cka_panel(middle, estimates)
        middle.set_title("similarity of hidden features")
        middle.legend(loc="upper left")
        affine_panel(right, estimates)
        right.set_title("from auxiliary to class logits")
        right.legend(loc="upper right")
        figure.suptitle(title)
    return figure
