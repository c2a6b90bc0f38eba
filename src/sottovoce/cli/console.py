"""Tables of results on a terminal."""

import json
from typing import Any

import xarray as xr
from rich.console import Console
from rich.table import Table

from sottovoce.sweeps.tables import words

FRACTION = "student, recovered fraction"


def print_table(result: xr.Dataset, rows: dict[str, dict[str, Any]], notes: list[str]) -> None:
    """Print one experiment's rows under its setting, with the published value beside each.

    Args:
        result: as `runs.execution.execute` returns it.
        rows: the experiment's table of the result.
        notes: the experiment's notes on the result.
    """
    config = json.loads(result.attrs["config"])
    table = Table(title=f"{result.attrs['experiment']}, identity {result.attrs['identity'][:12]}", title_justify="left")
    for name in ("", "mean", "95 % interval", "n", "published", "quantity"):
        table.add_column(name, justify="left" if name in ("", "quantity") else "right")
    for role, row in rows.items():
        low, high = row["ci95"]
        ci95 = "-" if low is None else f"{low:.4f} to {high:.4f}"
        published = "-" if row["published"] is None else f"{row['published']:.4f}"
        mean = "-" if row["mean"] is None else f"{row['mean']:.4f}"
        table.add_row(role, mean, ci95, str(row["members"]), published, row["quantity"])
    console = Console()
    console.print(table)
    for note in notes:
        console.print(note, highlight=False)
    console.print(" ".join(f"{name}={value}" for name, value in config.items()), highlight=False, style="dim")
    console.print("cached" if result.attrs["cached"] else "computed", style="dim")
    for member in result.attrs["diverged_members"]:
        console.print(f"member {member} diverged and is left out")


def print_sweep(result: xr.Dataset, points: list[dict[str, Any]], effects: dict[str, Any]) -> None:
    """Print a sweep: a row per point with its settings and accuracies, then differences from the baseline and trends.

    Args:
        result: as `sottovoce.sweep` returns it.
        points: `sweeps.tables.by_point` of the result.
        effects: `sweeps.tables.effects_of` the result.
    """
    console = Console()
    rows = dict.fromkeys(name for point in points for name, row in point["table"].items() if _shown(row))
    title = f"sweep of {result.attrs['experiment']}, identity {result.attrs['identity'][:12]}; in brackets: 95 %"
    _print_points(console, title, points, {name.replace("_", " "): name for name in rows})
    if any(FRACTION in point["table"] for point in points):
        title = "student, recovered fraction: (accuracy - chance) / (teacher's - chance)"
        _print_points(console, title, points, {"recovered fraction": FRACTION})
    if effects["differences"]:
        _print_effects(console, effects)
    config = json.loads(result.attrs["config"])
    console.print(" ".join(f"{name}={value}" for name, value in config.items()), highlight=False, style="dim")
    console.print("cached" if result.attrs["cached"] else "computed", style="dim")


def _print_points(console: Console, title: str, points: list[dict[str, Any]], rows: dict[str, str]) -> None:
    # Seven columns of accuracies fit a terminal only without padding, and no digit may be lost where they do not.
    table = Table(title=title, title_justify="left", padding=0)
    for name in (*points[0]["at"], *rows, "n"):
        table.add_column(name.replace("_", " "), justify="right", overflow="fold")
    for point in points:
        of_point = [point["table"].get(row) for row in rows.values()]
        n = next((str(row["members"]) for row in of_point if row), "0")
        table.add_row(*map(str, point["at"].values()), *map(_cell, of_point), n)
    console.print(table)


def _print_effects(console: Console, effects: dict[str, Any]) -> None:
    n_intervals = effects["multiplicity"]["comparisons"]
    baseline = words(effects["differences"][0]["baseline"])
    table = Table(title=f"test accuracy less that at {baseline}, member by member", title_justify="left")
    fields = [*effects["differences"][0]["at"]]
    for name in (*fields, "network", "difference", "95 % interval", f"95 %, all {n_intervals} together", "n"):
        table.add_column(name.replace("_", " "), justify="left" if name == "network" else "right")
    for row in effects["differences"]:
        ends = (_ends(row["ci95"]), _ends(row["simultaneous95"]))
        at = map(str, row["at"].values())
        table.add_row(*at, row["network"], f"{row['mean']:+.3f}", *ends, str(row["members"]))
    console.print(table)
    for row in effects["trend"]:
        mean = "undefined" if row["mean"] is None else f"{row['mean']:+.3f} {_ends(row['simultaneous95'])}"
        label = f"{row['network']}: test accuracy per {row['per']} of {row['field']}"
        console.print(f"{label}: {mean}, n = {row['members']}", highlight=False)


def _shown(row: dict[str, Any]) -> bool:
    # Some experiments have long tables, of which a sweep compares the main quantities.
    return row["quantity"] in ("test accuracy", "captured energy", "cosine")


def _ends(ends: list[float | None]) -> str:
    low, high = ends
    return "-" if low is None else f"{low:+.3f} to {high:+.3f}"


def _cell(row: dict[str, Any] | None) -> str:
    if row is None or row["mean"] is None:
        return "-"
    low, high = row["ci95"]
    return f"{row['mean']:.3f}" + ("" if low is None else f"\n{low:.2f}-{high:.2f}")
