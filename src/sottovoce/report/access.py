"""Saved results from Python: list them, load them, and see a result as a table or as a figure."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sottovoce.errors import UsageError, not_among
from sottovoce.lab import registry
from sottovoce.lab.drawing import config_of
from sottovoce.lab.rows import Table
from sottovoce.lab.sources import sample
from sottovoce.report import results
from sottovoce.running.run import Execution
from sottovoce.runs import catalog
from sottovoce.sweeps import figures, points, tables

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.figure import Figure


def load(name: str, out: Path | str = "out") -> "xr.Dataset":
    """Load every member of a saved run; nothing is computed.

    Args:
        name: a run's name, the beginning of its identity, or an experiment (its newest run).
        out: the folder whose `runs/` are searched.

    Returns:
        The results over `member` and named dimensions, with the attributes `experiment`, `identity` and `config`.
        Variables and coordinates have `long_name` and `units` as those of `sottovoce.run`.

    Raises:
        UsageError: no run, or more than one, has this name.
        StoreError: the run has no members yet, or cannot be read.
    """
    if not isinstance(name, str):
        raise UsageError(f"name is {name!r:.60}; allowed: a run's name, its identity's beginning, or an experiment's")
    return results.load(catalog.find(_runs(out), name))


def table(dataset: "xr.Dataset") -> "pd.DataFrame":
    """Return the table of a result, or of every point of a sweep.

    Args:
        dataset: what `sottovoce.run`, `sottovoce.sweep` or `sottovoce.load` returned.

    Returns:
        By row, and in a sweep by its fields: `mean`, `low` and `high` (ends of the 95 % interval over members, NaN
        below four), `members`, `published` (NaN where nothing comparable is published) and `quantity`.

    Raises:
        UsageError: the dataset is no such result.
    """
    import pandas as pd

    experiment = _experiment(dataset)
    if "swept" not in dataset.attrs:
        return pd.DataFrame(_records(experiment.table(dataset))).set_index("row")
    records = [{**point["at"], **row} for point in tables.by_point(dataset) for row in _records(point["table"])]
    return pd.DataFrame(records).set_index([*dataset.attrs["swept"], "row"])


def plot(dataset: "xr.Dataset", key: str | None = None) -> "Figure":
    """Draw a figure of a result as the report shows it, or the accuracies of a sweep over one field or two.

    Args:
        dataset: what `sottovoce.run`, `sottovoce.sweep` or `sottovoce.load` returned.
        key: which of a result's figures, as the report names it; unset: the first.

    Raises:
        UsageError: there is no such figure, or the dataset is no such result.
    """
    experiment = _experiment(dataset)
    if "swept" in dataset.attrs:
        return _sweep(dataset)
    drawn = {drawing.key: drawing for drawing in experiment.draw({_name(experiment, dataset): dataset})}
    if not drawn:
        raise UsageError(f"{experiment.name} draws no figure of this result alone")
    if key is not None and key not in drawn:
        raise not_among("figure", key, drawn)
    return drawn[key or next(iter(drawn))].figure


def list(out: Path | str = "out") -> "pd.DataFrame":
    """Return the saved runs, newest first.

    Args:
        out: the folder whose `runs/` are listed.

    Returns:
        By name of the run: `experiment`, `members` (how many are saved), `saved` (time, UTC) and one column for each
        field in which runs of one experiment differ.
    """
    import pandas as pd

    found = catalog.runs(_runs(out))
    differing: dict[str, dict[str, Any]] = {}
    for experiment in dict.fromkeys(run.experiment for run in found):
        own = [run for run in found if run.experiment == experiment]
        fields = catalog.differences([run.config for run in own])
        differing |= {run.name: at for run, at in zip(own, fields, strict=True)}
    rows = {
        run.name: {
            "experiment": run.experiment,
            "members": len(run.folder.members()),
            "saved": pd.Timestamp(run.modified, unit="s").round("s"),
            **differing[run.name],
        }
        for run in found
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("run")


def _runs(out: Path | str) -> Path:
    # Settings of how to run check that the folder is a path.
    return Execution(out=out).out / "runs"  # pyright: ignore[reportArgumentType] - text is taken for a path


def _experiment(dataset: "xr.Dataset") -> registry.Experiment:
    if "experiment" not in getattr(dataset, "attrs", ()):
        raise UsageError(f"dataset is {dataset!r:.60}; allowed: what run, sweep and load return")
    return registry.of(dataset)


def _records(rows: Table) -> Sequence[dict[str, Any]]:
    ends = ({"low": row["ci95"][0], "high": row["ci95"][1]} for row in rows.values())
    order = ("mean", "low", "high", "members", "published", "quantity")
    return [
        # NaN rather than None, so that every column of numbers is one.
        {"row": label, **{name: math.nan if (row | end)[name] is None else (row | end)[name] for name in order}}
        for (label, row), end in zip(rows.items(), ends, strict=True)
    ]


def _name(experiment: registry.Experiment, dataset: "xr.Dataset") -> str:
    """Return the name under which the report shows a result with this configuration, or else the experiment's."""
    config = config_of(dataset)
    fitting = (
        name
        for name, result in experiment.results.items()
        if all(config.get(field) == value for field, value in result.fields.items())
    )
    return next(fitting, next(iter(experiment.results)))


def _sweep(dataset: "xr.Dataset") -> "Figure":
    if not points.has_networks(dataset) or len(dataset.attrs["swept"]) > 2 or points.POINT in dataset.dims:
        raise UsageError("a sweep is drawn where it measures accuracies of networks over a grid of one field or two")
    return figures.draw(points.curves(dataset), f"{dataset.attrs['experiment']}, {sample(dataset)}")
