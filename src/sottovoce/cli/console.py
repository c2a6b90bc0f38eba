"""Tables of results on a terminal."""

from collections.abc import Iterable
from typing import Any

import xarray as xr
from rich.console import Console
from rich.table import Table

from sottovoce.lab.drawing import config_of
from sottovoce.sweeps.tables import words

FRACTION = "student, recovered fraction"
# Some experiments have long tables, of which a sweep compares the main quantities.
COMPARED = ("test accuracy", "captured energy", "cosine")


def print_table(result: xr.Dataset, rows: dict[str, dict[str, Any]], notes: list[str]) -> None:
    """Print one experiment's rows and notes under its setting, with the published value beside each row."""
    table = _table(
        f"{result.attrs['experiment']}, identity {result.attrs['identity'][:12]}",
        ("", "mean", "95 % interval", "n", "published", "quantity"),
        left=("", "quantity"),
        # A long name that loses its end to a narrow terminal may read like another's.
        overflow="fold",
    )
    for role, row in rows.items():
        mean, published = (_number(row[name], ".4f") for name in ("mean", "published"))
        table.add_row(role, mean, _ends(row["ci95"], ".4f"), str(row["members"]), published, row["quantity"])
    console = Console()
    console.print(table)
    for note in notes:
        console.print(note, highlight=False)
    _print_setting(console, result)
    for member in result.attrs["diverged_members"]:
        console.print(f"member {member} diverged and is left out")


def print_sweep(result: xr.Dataset, points: list[dict[str, Any]], effects: dict[str, Any]) -> None:
    """Print a sweep: a row per point with its settings and accuracies, then differences from the baseline and trends.

    Points and effects are as `sweeps.tables.by_point` and `sweeps.tables.effects_of` return them.
    """
    console = Console()
    rows = [name for point in points for name, row in point["table"].items() if row["quantity"] in COMPARED]
    title = f"sweep of {result.attrs['experiment']}, identity {result.attrs['identity'][:12]}; in brackets: 95 %"
    _print_points(console, title, points, {name.replace("_", " "): name for name in rows})
    if any(FRACTION in point["table"] for point in points):
        title = "student, recovered fraction: (accuracy - chance) / (teacher's - chance)"
        _print_points(console, title, points, {"recovered fraction": FRACTION})
    if effects["differences"]:
        _print_effects(console, effects)
    _print_setting(console, result)


def _print_points(console: Console, title: str, points: list[dict[str, Any]], rows: dict[str, str]) -> None:
    # Seven columns of accuracies fit a terminal only without padding, and no digit may be lost where they do not.
    table = _table(title, (*points[0]["at"], *rows, "n"), padding=0, overflow="fold")
    for point in points:
        of_point = [point["table"].get(row) for row in rows.values()]
        n = next((str(row["members"]) for row in of_point if row), "0")
        table.add_row(*map(str, point["at"].values()), *map(_cell, of_point), n)
    console.print(table)


def _print_effects(console: Console, effects: dict[str, Any]) -> None:
    differences, together = effects["differences"], f"95 %, all {effects['multiplicity']['comparisons']} together"
    title = f"test accuracy less that at {words(differences[0]['baseline'])}, member by member"
    names = (*differences[0]["at"], "network", "difference", "95 % interval", together, "n")
    table = _table(title, names, left=("network",))
    for row in differences:
        ends = (_ends(row[name], "+.3f") for name in ("ci95", "simultaneous95"))
        at = map(str, row["at"].values())
        table.add_row(*at, row["network"], _number(row["mean"], "+.3f"), *ends, str(row["members"]))
    console.print(table)
    for row in effects["trend"]:
        mean = "undefined" if row["mean"] is None else f"{row['mean']:+.3f} {_ends(row['simultaneous95'], '+.3f')}"
        label = f"{row['network']}: test accuracy per {row['per']} of {row['field']}"
        # Without `highlight=False` rich would color every number of the sentence.
        console.print(f"{label}: {mean}, n = {row['members']}", highlight=False)


def _table(title: str, columns: Iterable[str], left: tuple[str, ...] = (), padding: int = 1, **column: Any) -> Table:
    table = Table(title=title, title_justify="left", padding=(0, padding))
    for name in columns:
        table.add_column(name.replace("_", " "), justify="left" if name in left else "right", **column)
    return table


def _print_setting(console: Console, result: xr.Dataset) -> None:
    fields = (f"{name}={value}" for name, value in config_of(result).items())
    console.print(" ".join(fields), highlight=False, style="dim")
    console.print("cached" if result.attrs["cached"] else "computed", style="dim")


def _number(value: float | None, spec: str) -> str:
    return "-" if value is None else f"{value:{spec}}"


def _ends(ends: list[float | None], spec: str) -> str:
    return "-" if ends[0] is None else " to ".join(f"{end:{spec}}" for end in ends)


def _cell(row: dict[str, Any] | None) -> str:
    if row is None or row["mean"] is None:
        return "-"
    low, high = row["ci95"]
    return f"{row['mean']:.3f}" + ("" if low is None else f"\n{low:.2f}-{high:.2f}")
