"""Every figure of the report: drawing, words and the numbers behind it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import xarray as xr

from sottovoce import figures
from sottovoce.analysis import estimates

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Results = Mapping[str, xr.Dataset]
NOT_STUDENTS = ("reference", "teacher")
VARIANTS = {"described": "as the post describes it", "published": "as the post's script ran it"}


@dataclass(frozen=True)
class Drawing:
    """One figure of the report before it is written.

    Attributes:
        key: file name and anchor.
        section: key of the section it stands in.
        title: heading.
        alt: what it shows, for those who cannot see it.
        caption: what it shows, with dataset, members and identity.
        figure: the drawing.
        data: the numbers behind it.
    """

    key: str
    section: str
    title: str
    alt: str
    caption: str
    figure: "Figure"
    data: xr.Dataset = field(repr=False)


def draw_all(results: Results) -> list[Drawing]:
    """Draw the figures whose results are there, in the order of the report."""
    drawings = []
    for n_aux in (1, 2):
        if (name := f"toy_{n_aux}") in results:
            drawings.append(_toy(results[name], n_aux))
    if "capture" in results:
        drawings.append(_capture(results["capture"]))
    if "transfer" in results:
        drawings.append(_transfer(results["transfer"]))
    drawings += _spectra(
        {v: results[f"spectrum_{v}"] for v in ("described", "published") if f"spectrum_{v}" in results}
    )
    if "decoding" in results:
        drawings.append(_decoding(results["decoding"]))
    return drawings


def source_of(dataset: xr.Dataset) -> str:
    """Return where a result's samples come from: its dataset, or the toy's generator."""
    config = config_of(dataset)
    return config.get("dataset") or f"{config.get('generator', 'gaussian')} generator"


def setting(dataset: xr.Dataset) -> str:
    """Return dataset, number of members used and identity in a few words."""
    members = estimates.converged(dataset).sizes["member"]
    left_out = dataset.sizes["member"] - members
    without = f" ({left_out} diverged and left out)" if left_out else ""
    return f"{source_of(dataset)}, n = {members} members{without}, run {dataset.attrs['identity'][:12]}"


def _toy(dataset: xr.Dataset, n_aux: int) -> Drawing:
    return Drawing(
        key=f"figure{n_aux}",
        section="toy",
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
        section="toy",
        title="What the auxiliary columns span of a class column",
        alt="Captured energy rises in a straight line with the number of auxiliary logits, one logit later under kl "
        "than under mse; simulated means and bands lie on the Beta law.",
        caption="The law Beta(r/2, (hidden - r)/2) for r directions seen: r = k under mse, r = k - 1 under kl, which "
        f"is blind to a shift common to all logits. Bands: 5th to 95th percentile. Setting: {setting(dataset)}.",
        figure=figures.toy.draw_capture(dataset),
        data=dataset[["captured_mean"]].mean("member").merge(dataset[["law_mean"]]),
    )


def _transfer(dataset: xr.Dataset) -> Drawing:
    config = config_of(dataset)
    bars = estimates.transfer_bars(dataset, config)
    return Drawing(
        key="bars",
        section="transfer",
        title="Six networks, one teacher's knowledge",
        alt="Bars of test accuracy: "
        + ", ".join(f"{r} {float(bars['mean'].sel(role=r)):.3f}" for r in bars["role"].values),
        caption=f"Students are distilled on {config['n_aux']} auxiliary logits ({config['objective']}) or on all "
        f"logits, over {config['n_inputs']:,} {config['inputs']} inputs. Whiskers: 95 % bootstrap interval over "
        f"members. Setting: {setting(dataset)}.",
        figure=figures.transfer.draw(
            bars, f"Test accuracy on {config['dataset']}, n = {bars.attrs['members']} members"
        ),
        data=bars,
    )


def _spectra(variants: dict[str, xr.Dataset]) -> list[Drawing]:
    """Return the post's Figure 3 under each objective, then the un-normalized spectra under kl."""
    if not variants:
        return []
    curves = {name: estimates.spectrum_curves(dataset, config_of(dataset)) for name, dataset in variants.items()}
    panels = {f"{VARIANTS[name]} (n = {curve.attrs['members']})": curve for name, curve in curves.items()}
    source = source_of(next(iter(variants.values())))
    settings = "; ".join(f"{name}: {setting(dataset)}" for name, dataset in variants.items())
    shared = set.intersection(*(set(config_of(dataset)["objectives"]) for dataset in variants.values()))
    ratios = [_ratios(panels, objective, source, settings) for objective in ("kl", "mse") if objective in shared]
    return ratios + ([_singular_values(panels, source, settings)] if "kl" in shared else [])


def _ratios(panels: dict[str, xr.Dataset], objective: str, source: str, settings: str) -> Drawing:
    return Drawing(
        key="figure3" if objective == "kl" else f"figure3_{objective}",
        section="spectrum",
        title=f"The post's Figure 3, objective {objective}",
        alt="Explained-variance ratios of the second hidden layer against the component on a logarithmic axis for "
        "initialization, teacher and students, one panel per variant.",
        caption="Lines: mean over members, shaded from smallest to largest member. Dotted: largest first component "
        "of the members' initializations. Hollow: points read off the published figure (same variant, kl). "
        f"In brackets the test accuracy. {settings}.",
        figure=figures.spectrum.draw_ratios(
            panels, objective, f"Spectra of the second hidden layer: {source}, {objective}"
        ),
        data=_stacked(panels, objective, ["weight_explained_variance_ratio", "published_ratio"]),
    )


def _singular_values(panels: dict[str, xr.Dataset], source: str, settings: str) -> Drawing:
    return Drawing(
        key="singular_values",
        section="spectrum",
        title="The same spectra un-normalized, and those of the update",
        alt="Singular values of the weights above and of their change from initialization below, one column per "
        "variant.",
        caption="Ratios are divided by their total, so a component can fall because others grew; these are not. "
        f"Update: W - W0. Mean over members. {settings}.",
        figure=figures.spectrum.draw_singular_values(panels, "kl", f"Singular values: {source}, kl"),
        data=_stacked(panels, "kl", ["weight_singular_value", "update_singular_value"]),
    )


def _stacked(panels: dict[str, xr.Dataset], objective: str, names: list[str]) -> xr.Dataset:
    """Return one objective's curves with the variant as a dimension."""
    kept = []
    for curves in panels.values():
        shown = [n for n in curves["network"].values.tolist() if n in NOT_STUDENTS or n.startswith(f"{objective} ")]
        kept.append(curves[names].sel(network=shown))
    stacked = xr.concat(kept, dim="variant", combine_attrs="drop", join="outer")
    return stacked.assign_coords(variant=list(panels))


def _decoding(dataset: xr.Dataset) -> Drawing:
    kept = estimates.converged(dataset)
    graft, probe, drift = (
        estimates.over_members(kept[name]) for name in ("graft_accuracy", "probe_accuracy", "relative_drift")
    )
    config = config_of(dataset)
    return Drawing(
        key="decoding",
        section="decoding",
        title="Bodies and heads exchanged",
        alt="A matrix of test accuracies of every body with every class head and with a linear probe, and bars of the "
        "drift of every block of teacher and student.",
        caption="Rows: whose hidden features. Columns: whose class head reads them. Right: how far each block moved. "
        f"Setting: {setting(dataset)}, n_aux = {config['n_aux']}, {config['objective']}.",
        figure=figures.decoding.draw(
            graft,
            probe,
            drift,
            f"How the directions get used: {config['dataset']}, n = {graft.attrs['members']} members",
        ),
        data=graft.rename({name: f"graft_{name}" for name in graft.data_vars}),
    )


def config_of(dataset: xr.Dataset) -> dict[str, Any]:
    """Return the configuration that a saved result carries."""
    return json.loads(dataset.attrs["config"])
