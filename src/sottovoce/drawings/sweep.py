"""What transfer depends on."""

import xarray as xr

from sottovoce import figures
from sottovoce.analysis import effects, sweeps
from sottovoce.analysis.tables.sweep import effects_of, words
from sottovoce.drawings.drawing import Drawing, Results, config_of, setting, source_of

PREFIX = "sweep_"
TITLE = "What transfer depends on"
INTRO = (
    "One field of the protocol over many values, everything else as it is. Each point has the same members, so that "
    "differences and trends are taken member by member."
)


def draw(results: Results) -> list[Drawing]:
    """Return a figure for each sweep of which all points are saved."""
    return [_sweep(name, dataset) for name, dataset in results.items() if name.startswith(PREFIX)]


def _sweep(name: str, dataset: xr.Dataset) -> Drawing:
    (field,) = dataset.attrs["swept"]
    accuracy = sweeps.curves(dataset)
    shown = ", ".join(effects.students(dataset))
    marks = {"hidden width": float(config_of(dataset)["width"])} if field == "n_aux" else {}
    title = f"Accuracy against {field}: {source_of(dataset)}, n = {dataset.sizes['member']} members"
    return Drawing(
        key=name,
        title=f"Accuracy against {field}",
        alt=f"Lines of test accuracy by network against {field}; of {shown}: "
        + "; ".join(
            f"{words({field: value})}: "
            + ", ".join(f"{float(v):.3f}" for v in _means(accuracy, effects.students(dataset), field, value))
            for value in accuracy[field].values.tolist()
        ),
        caption="Mean over members, bands and whiskers: 95 % for all points of a curve together. "
        f"{_effects(dataset)} Made by: {dataset.attrs['command']}. Setting: {setting(dataset)}.",
        figure=figures.sweep.draw(accuracy, title, marks=marks),
        data=accuracy,
    )


def _means(accuracy: xr.Dataset, students: list[str], field: str, value: object) -> list[float]:
    kinds = "role" if "role" in accuracy.dims else "network"
    return accuracy["mean"].sel({field: value, kinds: students}).values.tolist()


def _effects(dataset: xr.Dataset) -> str:
    """Say which differences from the baseline hold together, and the trends."""
    found = effects_of(dataset)
    together = found["multiplicity"]["comparisons"]
    apart = [row for row in found["differences"] if _excludes_zero(row["simultaneous95"])]
    named = "; ".join(f"{row['network']}, {words(row['at'])}, {row['mean']:+.3f}" for row in apart) or "none"
    slopes = "; ".join(
        f"{row['network']} {row['mean']:+.3f} [{row['simultaneous95'][0]:.3f}, {row['simultaneous95'][1]:.3f}]"
        for row in found["trend"]
        if row["simultaneous95"][0] is not None
    )
    baseline = words(found["differences"][0]["baseline"])
    differ = (
        f"Differences from the accuracy at {baseline} whose interval, of {together} that hold together in 95 % of "
        f"experiments, does not hold zero: {named}."
    )
    return f"{differ} Slope per {found['trend'][0]['per']} of the field: {slopes}." if slopes else differ


def _excludes_zero(ends: list[float | None]) -> bool:
    low, high = ends
    return low is not None and high is not None and not low <= 0 <= high
