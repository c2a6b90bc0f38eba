"""Arrows between rooms point one way, and rules that a machine can check hold."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "sottovoce"
MODULES = sorted(SOURCE.rglob("*.py"))
LEAVES = {"errors", "streams"}

# Room -> the rooms it may import (besides itself, and `lazy`, by which packages import themselves).
ALLOWED = {
    "errors": set(),
    "lazy": set(),
    "streams": set(),
    "data": LEAVES,
    "networks": LEAVES,
    "theory": {"errors"},
    "measure": {"errors"},
    "training": LEAVES | {"data", "networks"},
    "experiments": LEAVES | {"data", "networks", "training", "measure", "theory"},
    "runs": {"errors"},
    "cluster": {"errors", "data", "experiments", "runs", "training"},
    "analysis": {"errors", "measure", "theory"},
    "figures": {"errors"},
    "drawings": {"errors", "analysis", "figures"},
    "interop": {"errors", "networks"},
    "report": {"errors", "runs"},
}
TOP = {
    "api",
    "baselines",
    "bench",
    "cli",
    "commands",
    "console",
    "costs",
    "diagnosis",
    "explore",
    "explore_app",
    "measure_commands",
    "network_commands",
    "presentation",
    "reproduction",
    "risk",
    "sweeps",
    "__init__",
    "__main__",
}


def room(path: Path) -> str:
    return path.relative_to(SOURCE).with_suffix("").parts[0]


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "sottovoce":
            parts = node.module.split(".")[1:]
            rooms |= {parts[0]} if parts else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            rooms |= {a.name.split(".")[1] for a in node.names if a.name.startswith("sottovoce.")}
    return rooms


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_arrows_point_one_way(path: Path):
    here = room(path)
    if here in TOP:
        return
    wrong = imported_rooms(path) - ALLOWED[here] - {here, "lazy"}
    assert not wrong, f"{path.name} in {here}/ imports {sorted(wrong)}; allowed: {sorted(ALLOWED[here])}"


def test_every_room_is_known():
    assert {room(path) for path in MODULES} == set(ALLOWED) | TOP


def test_runs_know_no_experiment_by_name():
    from sottovoce.experiments.registry import REGISTRY

    for path in (SOURCE / "runs").glob("*.py"):
        strings = {n.value for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Constant)}
        assert not strings & set(REGISTRY), path


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_no_global_random_state_pickle_or_eval(path: Path):
    words = (r"\bimport pickle\b", r"\bnp\.random\.(seed|rand|randn|normal|uniform)\(", r"\b(eval|exec|hash)\(")
    forbidden = re.compile("|".join(words))
    found = forbidden.search(path.read_text(encoding="utf-8"))
    assert not found, f"{path}: {found and found.group()}"


@pytest.mark.parametrize("words", ["--help", "run --help", "run transfer --help", "reproduce --help"])
def test_help_imports_no_array_library(words: str):
    code = (
        "import sys\n"
        "from sottovoce.cli import main\n"
        "try:\n"
        f"    main({words.split()!r})\n"
        "except SystemExit as stop:\n"
        "    assert stop.code == 0, stop.code\n"
        "heavy = {'jax', 'xarray', 'matplotlib', 'sklearn', 'scipy', 'distributed', 'dask'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout
