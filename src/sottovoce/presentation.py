"""From results to figures on disk and one report page: what is shown, in which order, with which words."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr

from sottovoce import figures, report
from sottovoce.analysis import claims, estimates, tables
from sottovoce.analysis.claims import Judgment
from sottovoce.measure.statistics import Interval
from sottovoce.runs import provenance

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Results = Mapping[str, xr.Dataset]


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


SECTIONS = {
    "toy": (
        "The linear toy",
        "A linear teacher y = x W1 W2 and a student solved in closed form on its auxiliary logits, W2 kept.",
    ),
    "transfer": (
        "Transfer through auxiliary logits",
        "Cloud's protocol: a teacher trained on labels; students distilled on logits over noise images.",
    ),
    "spectrum": (
        "How many directions a student learns",
        "The post's Figure 3 in two variants: as its text describes the experiment, and as its script ran it. They "
        "differ in inputs, epochs, initialization and in whether the student keeps its teacher's initial heads.",
    ),
    "decoding": (
        "How the directions get used",
        "Bodies and class heads of reference, teacher and student exchanged; linear probes; drift of every block.",
    ),
}


def write(results: Results, out: Path) -> Path:
    """Draw all figures and write the report.

    Args:
        results: datasets by the names of `reproduction.RESULTS`; those missing are left out.
        out: folder for `figures/` and `report.html`.

    Returns:
        Path of the report.
    """
    folder = out / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    drawings = draw_all(results)
    shown = []
    for drawing in drawings:
        svg, _ = figures.style.save(drawing.figure, folder / drawing.key)
        csv = drawing.data.to_dataframe().to_csv()
        shown.append((drawing.section, report.Figure(
            key=drawing.key, title=drawing.title, svg=svg.read_text(encoding="utf-8"), alt=drawing.alt,
            caption=drawing.caption, csv=csv,
        )))  # fmt: skip
    judgments = claims.judge(results)
    page = report.Page(
        title="Subliminal learning in small models",
        summary=_summary(results, judgments),
        claims=tuple(_claim_row(judgment, results) for judgment in judgments),
        sections=tuple(
            report.Section(key, title, intro, tuple(f for section, f in shown if section == key), _tables(key, results))
            for key, (title, intro) in SECTIONS.items()
            if any(section == key for section, _ in shown)
        ),
        reproduce=tuple(_command(name, dataset) for name, dataset in results.items()),
        provenance={key: str(value) for key, value in provenance.describe(0.0).items() if key != "wall_seconds"},
    )
    report.write(page, out / "report.html")
    return out / "report.html"


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
    drawings += _spectra({v: results[f"spectrum_{v}"] for v in ("described", "published") if f"spectrum_{v}" in results})
    if "decoding" in results:
        drawings.append(_decoding(results["decoding"]))
    return drawings


def setting(dataset: xr.Dataset) -> str:
    """Return dataset, number of members used and identity in a few words."""
    config = _config(dataset)
    source = config.get("dataset") or f"{config.get('generator', 'gaussian')} generator"
    members = estimates.converged(dataset).sizes["member"]
    left_out = dataset.sizes["member"] - members
    without = f" ({left_out} diverged and left out)" if left_out else ""
    return f"{source}, n = {members} members{without}, run {dataset.attrs['identity'][:12]}"


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
        caption="The law Beta(r/2, (hidden - r)/2) for r directions seen: r = k under mse, r = k - 1 under kl, which is "
        f"blind to a shift common to all logits. Bands: 5th to 95th percentile. Setting: {setting(dataset)}.",
        figure=figures.toy.draw_capture(dataset),
        data=dataset[["captured_mean"]].mean("member").merge(dataset[["law_mean"]]),
    )


def _transfer(dataset: xr.Dataset) -> Drawing:
    config = _config(dataset)
    bars = estimates.transfer_bars(dataset, config)
    return Drawing(
        key="bars",
        section="transfer",
        title="Six networks, one teacher's knowledge",
        alt="Bars of test accuracy: " + ", ".join(f"{r} {float(bars['mean'].sel(role=r)):.3f}" for r in bars["role"].values),
        caption=f"Students are distilled on {config['n_aux']} auxiliary logits ({config['objective']}) or on all logits, "
        f"over {config['n_inputs']:,} {config['inputs']} inputs. Whiskers: 95 % bootstrap interval over members. "
        f"Setting: {setting(dataset)}.",
        figure=figures.transfer.draw(bars, f"Test accuracy on {config['dataset']}, n = {bars.attrs['members']} members"),
        data=bars,
    )


def _spectra(variants: dict[str, xr.Dataset]) -> list[Drawing]:
    if not variants:
        return []
    curves = {name: estimates.spectrum_curves(dataset, _config(dataset)) for name, dataset in variants.items()}
    titles = {"described": "as the post describes it", "published": "as the post's script ran it"}
    settings = "; ".join(f"{name}: {setting(dataset)}" for name, dataset in variants.items())
    data = xr.concat(list(curves.values()), dim="variant", combine_attrs="drop", join="outer", data_vars="all",
                     coords="minimal", compat="override").assign_coords(variant=list(curves))  # fmt: skip
    drawings = []
    for objective in ("kl", "mse"):
        if not all(any(n.startswith(objective) for n in c["network"].values.tolist()) for c in curves.values()):
            continue
        panels = {
            f"{titles[name]} (n = {curve.attrs['members']})": curve for name, curve in curves.items()
        }
        dataset_name = _config(next(iter(variants.values())))["dataset"]
        drawings.append(Drawing(
            key="figure3" if objective == "kl" else f"figure3_{objective}",
            section="spectrum",
            title=f"The post's Figure 3, objective {objective}",
            alt="Explained-variance ratios of the second hidden layer against the component on a logarithmic axis for "
            "initialization, teacher and students, one panel per variant.",
            caption="Lines: mean over members, shaded from smallest to largest member. Dotted: largest first component "
            "of the members' initializations. Hollow: points read off the published figure (same variant, kl). "
            f"In brackets the test accuracy. {settings}.",
            figure=figures.spectrum.draw_ratios(panels, objective, f"Spectra of the second hidden layer, {dataset_name}, {objective}"),
            data=data,
        ))  # fmt: skip
        if objective == "kl":
            drawings.append(Drawing(
                key="singular_values",
                section="spectrum",
                title="The same spectra un-normalized, and those of the update",
                alt="Singular values of the weights above and of their change from initialization below, one column per variant.",
                caption="Ratios are divided by their total, so a component can fall because others grew; these are not. "
                f"Update: W - W0. Mean over members. {settings}.",
                figure=figures.spectrum.draw_singular_values(panels, objective, f"Singular values, {dataset_name}, {objective}"),
                data=data,
            ))  # fmt: skip
    return drawings


def _decoding(dataset: xr.Dataset) -> Drawing:
    kept = estimates.converged(dataset)
    graft, probe, drift = (
        estimates.over_members(kept[name]) for name in ("graft_accuracy", "probe_accuracy", "relative_drift")
    )
    config = _config(dataset)
    return Drawing(
        key="decoding",
        section="decoding",
        title="Bodies and heads exchanged",
        alt="A matrix of test accuracies of every body with every class head and with a linear probe, and bars of the "
        "drift of every block of teacher and student.",
        caption="Rows: whose hidden features. Columns: whose class head reads them. Right: how far each block moved. "
        f"Setting: {setting(dataset)}, n_aux = {config['n_aux']}, {config['objective']}.",
        figure=figures.decoding.draw(
            graft, probe, drift, f"How the directions get used: {config['dataset']}, n = {graft.attrs['members']} members"
        ),
        data=graft.rename({name: f"graft_{name}" for name in graft.data_vars}),
    )


def _claim_row(judgment: Judgment, results: Results) -> "report.ClaimRow":
    claim = judgment.claim
    return report.ClaimRow(
        key=claim.key, claim=claim.text, place=claim.place, statistic=claim.statistic, criterion=claim.criterion,
        measured=_interval(judgment.measured), published=claim.published, verdict=judgment.verdict,
        figure=claim.figure, setting=setting(results[claim.result]),
    )  # fmt: skip


def _interval(measured: Interval) -> str:
    if measured.low == measured.high:
        return f"{measured.mean:.3g}"
    return f"{measured.mean:.3g} [{measured.low:.3g}, {measured.high:.3g}]"


def _tables(section: str, results: Results) -> "tuple[report.Table, ...]":
    names = [name for name in results if name.partition("_")[0] == section and section != "toy"]
    return tuple(
        report.Table(
            caption=f"{name.replace('_', ', ')}: {setting(results[name])}",
            header=("", "mean", "95 % interval", "1.96 sd / √n", "n", "published"),
            rows=tuple(_table_row(role, row) for role, row in tables.table(results[name]).items()),
        )
        for name in names
    )


def _table_row(role: str, row: dict[str, Any]) -> tuple[str, ...]:
    def number(value: float | None) -> str:
        return "–" if value is None else f"{value:.4g}"

    low, high = row["ci95"]
    ci95 = "–" if low is None else f"{low:.4g} to {high:.4g}"
    return role, number(row["mean"]), ci95, number(row["half_width"]), str(row["members"]), number(row["published"])


def _summary(results: Results, judgments: list[Judgment]) -> str:
    counts = {name: sum(j.verdict == name for j in judgments) for name in ("supported", "not supported", "inconclusive")}
    used = sorted({_config(d)["dataset"] for d in results.values() if "dataset" in _config(d)})
    return (
        f"{len(judgments)} claims of the post and of Cloud's MNIST experiment, judged on {', '.join(used) or 'the toy'}: "
        + ", ".join(f"{count} {name}" for name, count in counts.items())
        + ". Statistics and criteria were fixed in code before any run."
    )


def _command(name: str, dataset: xr.Dataset) -> str:
    config = _config(dataset)
    flags = " ".join(
        f"--{key.replace('_', '-')} {' '.join(map(str, value)) if isinstance(value, list) else value}"
        for key, value in config.items()
        if value is not None and not isinstance(value, bool)
    )
    return f"sottovoce run {dataset.attrs['experiment']} {flags}  # {name}, identity {dataset.attrs['identity'][:12]}"


def _config(dataset: xr.Dataset) -> dict[str, Any]:
    return json.loads(dataset.attrs["config"])
