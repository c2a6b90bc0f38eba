"""Tables on a terminal."""

import json
from typing import Any

import xarray as xr
from rich.console import Console
from rich.table import Table


def print_table(result: xr.Dataset, rows: dict[str, dict[str, Any]], notes: list[str]) -> None:
    """Print one experiment's rows under its setting, with the published value beside each.

    Args:
        result: as `runs.execute` returns it.
        rows: `analysis.tables.table` of it.
        notes: `analysis.tables.notes` of it.
    """
    config = json.loads(result.attrs["config"])
    table = Table(title=f"{result.attrs['experiment']}, identity {result.attrs['identity'][:12]}", title_justify="left")
    for name in ("", "mean", "95 % interval", "1.96 sd/√n", "n", "published", "quantity"):
        table.add_column(name, justify="left" if name in ("", "quantity") else "right")
    for role, row in rows.items():
        low, high = row["ci95"]
        ci95 = "-" if low is None else f"{low:.4f} to {high:.4f}"
        published = "-" if row["published"] is None else f"{row['published']:.4f}"
        half_width = "-" if row["half_width"] is None else f"{row['half_width']:.4f}"
        mean = "-" if row["mean"] is None else f"{row['mean']:.4f}"
        table.add_row(role, mean, ci95, half_width, str(row["members"]), published, row["quantity"])
    console = Console()
    console.print(table)
    for note in notes:
        console.print(note, highlight=False)
    console.print(" ".join(f"{name}={value}" for name, value in config.items()), highlight=False, style="dim")
    console.print("cached" if result.attrs["cached"] else "computed", style="dim")
    for member in result.attrs["diverged_members"]:
        console.print(f"member {member} diverged and is left out")


def print_sweep(result: xr.Dataset, points: list[dict[str, Any]]) -> None:
    """Print a sweep: a row per point with its settings, then every accuracy with its 95 % interval.

    Args:
        result: as `sottovoce.sweep` returns it.
        points: `analysis.sweeps.tables_by_point` of it.
    """
    rows = dict.fromkeys(name for point in points for name, row in point["table"].items() if _shown(row))
    title = f"sweep of {result.attrs['experiment']}, identity {result.attrs['identity'][:12]}"
    table = Table(title=title, title_justify="left")
    for name in (*result.attrs["swept"], *rows, "n"):
        table.add_column(name.replace("_", " "), justify="right")
    for point in points:
        cells = [_cell(point["table"].get(name)) for name in rows]
        n = next((str(row["members"]) for row in point["table"].values()), "0")
        table.add_row(*map(str, point["at"].values()), *cells, n)
    console = Console()
    console.print(table)
    config = json.loads(result.attrs["config"])
    console.print(" ".join(f"{name}={value}" for name, value in config.items()), highlight=False, style="dim")
    console.print("cached" if result.attrs["cached"] else "computed", style="dim")


def _shown(row: dict[str, Any]) -> bool:
    # Tables of some experiments are long; a sweep compares accuracies.
    return row["quantity"] in ("test accuracy", "captured energy", "cosine")


def _cell(row: dict[str, Any] | None) -> str:
    if row is None or row["mean"] is None:
        return "-"
    low, high = row["ci95"]
    return f"{row['mean']:.3f}" + ("" if low is None else f"\n{low:.2f}-{high:.2f}")
