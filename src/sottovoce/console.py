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
