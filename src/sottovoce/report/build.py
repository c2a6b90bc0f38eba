"""Build the report from results: figures on disk, and one page with figures, claims and tables in order."""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import xarray as xr

from sottovoce.lab import fields, hover, registry, style
from sottovoce.lab.claims import Judgment
from sottovoce.lab.drawing import Drawing, Results, config_of
from sottovoce.lab.sources import setting, source_of
from sottovoce.measure.statistics import LEAST_FOR_INTERVAL
from sottovoce.report import ledger
from sottovoce.report.page import VERDICTS, ClaimRow, Figure, Page, Section, Table
from sottovoce.report.page import write as write_page
from sottovoce.report.sections import sections
from sottovoce.runs import provenance
from sottovoce.sweeps import figures, points
from sottovoce.sweeps.tables import sweep_rows


def write(results: Results, out: Path, replications: Results | None = None) -> Path:
    """Draw the figures of results, by the names that `load_all` gives, into `figures/`; return the report's path.

    `replications` are results of another seed by the same names, whose verdicts stand beside the claims.
    """
    folder = _figures_folder(out)
    judgments = ledger.judge(results)
    replicated = {judgment.claim.key: judgment for judgment in ledger.judge(replications or {})}
    shown = [(part, tuple(_figure(drawing, folder) for drawing in part.draw(results))) for part in sections()]
    page = Page(
        title="Subliminal learning in small models",
        summary=_summary(results, judgments),
        claims=tuple(
            _claim_row(judgment, results[judgment.claim.result], replicated.get(judgment.claim.key))
            for judgment in judgments
        ),
        sections=tuple(
            Section(
                key=part.key,
                title=part.title,
                intro=part.intro,
                figures=drawn,
                tables=tuple(_table(name, dataset) for name, dataset in results.items() if name in part.results),
            )
            for part, drawn in shown
            if drawn
        ),
        reproduce=tuple(_command(name, dataset) for name, dataset in results.items()),
        provenance={key: str(value) for key, value in provenance.describe(0.0).items() if key != "wall_seconds"},
    )
    write_page(page, out / "report.html")
    return out / "report.html"


def write_sweep(result: xr.Dataset, out: Path) -> Path | None:
    """Draw the accuracies of a sweep's networks into `figures/`, and return the PNG's path.

    If the experiment measures no accuracy, or the points are not a grid over one or two fields, nothing is drawn and
    None is returned.
    """
    if not points.has_networks(result) or len(result.attrs["swept"]) > 2 or points.POINT in result.dims:
        return None
    name = result.attrs["experiment"]
    title = f"{name} on {source_of(result)}, n = {result.sizes['member']} members"
    stem = _figures_folder(out) / f"sweep-{name}-{result.attrs['identity'][:12]}"
    return style.save(figures.draw(points.curves(result), title), stem)[1]


def _figures_folder(out: Path) -> Path:
    (folder := out / "figures").mkdir(parents=True, exist_ok=True)
    return folder


def _figure(drawing: Drawing, folder: Path) -> Figure:
    # Saved first, because saving settles the layout to which the positions of `hover` refer.
    svg, _ = style.save(drawing.figure, folder / drawing.key)
    return Figure(
        key=drawing.key,
        title=drawing.title,
        svg=svg.read_text(encoding="utf-8"),
        alt=drawing.alt,
        caption=drawing.caption,
        csv=drawing.data.to_dataframe().to_csv(),
        hover=json.dumps(hover.panels(drawing.figure)) if drawing.hover else None,
    )


def _claim_row(judgment: Judgment, dataset: xr.Dataset, other: Judgment | None) -> ClaimRow:
    claim = judgment.claim
    return ClaimRow(
        **{name: getattr(claim, name) for name in ("key", "place", "statistic", "criterion", "published", "figure")},
        claim=claim.text,
        measured=_interval(judgment),
        tested=ledger.in_words(judgment),
        replicated=f"seed {other.seed}: {_interval(other)}, {other.verdict}, n = {other.n}" if other else "",
        verdict=judgment.verdict,
        fixed=f"chosen when results of seed {', '.join(map(str, claim.seen))} were known"
        if claim.seen
        else "preregistered",
        n=judgment.n,
        setting=(source_of(dataset), dataset.sizes["member"], dataset.attrs["identity"][:12]),
    )


def _interval(judgment: Judgment) -> str:
    mean, low, high = judgment.measured
    if math.isnan(mean):
        return "nothing to measure"
    # The value of an identity is its own interval.
    if low == high:
        return f"{mean:.3g}"
    if math.isnan(low):
        why = "too few for an interval" if judgment.n < LEAST_FOR_INTERVAL else "no spread, so no interval"
        return f"{mean:.3g} (n = {judgment.n}: {why})"
    return f"{mean:.3g} [{low:.3g}, {high:.3g}]"


def _table(name: str, dataset: xr.Dataset) -> Table:
    def number(value: float | None) -> str:
        return "-" if value is None else f"{value:.4g}"

    def cells(label: str, row: dict[str, Any]) -> tuple[str, ...]:
        low, high = row["ci95"]
        ci95 = "-" if low is None else f"{low:.4g} to {high:.4g}"
        return label, number(row["mean"]), ci95, str(row["members"]), number(row["published"])

    rows = sweep_rows(dataset) if "swept" in dataset.attrs else registry.of(dataset).table(dataset)
    return Table(
        caption=f"{name.replace('_', ', ', 1)}: {setting(dataset)}",
        header=("", "mean", "95 % interval", "n", "published"),
        rows=tuple(cells(*row) for row in rows.items()),
    )


def _summary(results: Results, judgments: list[Judgment]) -> str:
    counts = Counter(judgment.verdict for judgment in judgments)
    used = sorted({config_of(d)["dataset"] for d in results.values() if "dataset" in config_of(d)})
    return (
        f"{len(judgments)} claims of the post, of Cloud's MNIST experiment and of this laboratory, judged on "
        f"{', '.join(used) or 'the toy'}: " + ", ".join(f"{counts[name]} {name}" for name in VERDICTS) + "."
    )


def _command(name: str, dataset: xr.Dataset) -> str:
    end = f"# {name}, identity {dataset.attrs['identity'][:12]}"
    # A sweep brings its command along; the command of a run follows from its configuration.
    if "command" in dataset.attrs:
        return f"{dataset.attrs['command']}  {end}"
    return f"sottovoce run {dataset.attrs['experiment']} {fields.flags(config_of(dataset))}  {end}"
