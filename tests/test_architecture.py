"""Arrows between rooms point one way, and rules that a machine can check hold."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "sottovoce"
MODULES = sorted(SOURCE.rglob("*.py"))
NAMES = {".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__") for path in MODULES}
GROUND = {"errors", "parts", "streams"}
LIBRARIES = {"data", "networks", "training", "measure", "theory"}

# Room -> the rooms it may import (besides itself, and `lazy`, by which packages import themselves).
ROOMS = {
    "errors": set(),
    "lazy": set(),
    "parts": {"errors"},
    "streams": set(),
    "data": GROUND,
    "networks": GROUND,
    "theory": {"errors"},
    "measure": {"errors", "theory"},
    "training": GROUND | {"data", "networks"},
    "interop": {"errors", "networks", "parts"},
    "runs": {"errors"},
    "lab": {"errors", "parts", "measure"},
    "protocol": GROUND | LIBRARIES | {"lab"},
    "running": {"errors", "parts", "data", "training", "lab", "runs"},
    "sweeps": {"errors", "data", "training", "measure", "lab", "runs", "running"},
    "report": {"errors", "data", "measure", "lab", "runs", "running", "sweeps", "experiments"},
    "benchmarks": GROUND | LIBRARIES,
}
# Where everything comes together.
TOP = {"cli", "__init__", "__main__"}

# File of an experiment's folder -> what it may import: rooms, and files of its own folder. Other files are as
# `simulate`, those that end in `_figure` are as `figures`.
FILES = {
    "__init__": {"lab"},
    "config": {"errors", "parts", "lab", "protocol", "data.facts"},
    "simulate": GROUND | LIBRARIES | {"lab", "protocol", "own config", "own simulate"},
    "findings": {"errors", "lab", "measure", "theory", "protocol", "own config", "own findings"},
    "figures": {"errors", "lab", "own config", "own findings", "own figures"},
    "sweeps": {"errors", "lab", "measure", "sweeps", "own config"},
}
KINDS = {"counts": "findings", "initialization": "findings"}
# Folder -> the other folders that it draws on.
SLICES: dict[str, set[str]] = {}
# What still points the wrong way.
EXCEPTIONS: dict[str, set[str]] = {
    # An experiment's data are loaded to check that they are there.
    "lab.experiment": {"data"},
    # Configurations count pixels of images that are loaded.
    "experiments.inputs.config": {"data"},
    "experiments.theorem.config": {"data"},
    # What a prediction costs is measured on its own steps.
    "benchmarks.costs": {"experiments.prediction.expansion"},
}


def room(module: str) -> str:
    """Return the room of a module: its package, and `protocol` for what the trained experiments share."""
    parts = module.split(".")
    return "protocol" if parts[:2] == ["experiments", "protocol"] else parts[0]


def kind(file: str) -> str:
    """Return which rule a file of an experiment's folder is under."""
    return "figures" if file.endswith("_figure") else KINDS.get(file, file if file in FILES else "simulate")


def imported(path: Path) -> set[str]:
    """Return the modules of the package that a file imports, anywhere in it, without the package's name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "sottovoce":
            module = node.module.partition(".")[2]
            for alias in node.names:
                full = f"{module}.{alias.name}".lstrip(".")
                found.add(full if full in NAMES or not module else module)
        elif isinstance(node, ast.Import):
            found |= {a.name.partition(".")[2] for a in node.names if a.name.startswith("sottovoce.")}
    return found


def allowed(here: str, there: str) -> bool:
    """Return whether the rules let one module import another."""
    if room(there) == "lazy" or there in EXCEPTIONS.get(here, ()):
        return True
    if room(here) != "experiments":
        return room(there) == room(here) or room(there) in ROOMS[room(here)]
    _, own, file = (*here.split("."), "__init__", "__init__")[:3]
    rule = FILES[kind(file)]
    if room(there) != "experiments":
        return room(there) in rule or there in rule
    _, other, part = (*there.split("."), "__init__", "__init__")[:3]
    return (other == own or other in SLICES.get(own, ())) and f"own {kind(part)}" in rule


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_arrows_point_one_way(path: Path):
    here = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
    if room(here) in TOP:
        return
    wrong = {there for there in imported(path) if not allowed(here, there)}
    assert not wrong, f"{here} imports {sorted(wrong)}"


def test_every_exception_is_needed():
    for here, modules in EXCEPTIONS.items():
        path = SOURCE / f"{here.replace('.', '/')}.py"
        assert modules <= imported(path), here


def test_every_room_is_known():
    assert {room(name.partition(".")[0] or "__init__") for name in NAMES} == {*ROOMS, *TOP, "experiments"} - {
        "protocol"
    }


def test_few_modules_lie_at_the_root():
    assert {path.stem for path in SOURCE.glob("*.py")} == {"__init__", "__main__", "errors", "lazy", "parts", "streams"}


@pytest.mark.parametrize("kernel", ["lab", "runs", "running", "sweeps", "report"])
def test_the_kernel_knows_no_experiment_by_name(kernel: str):
    from sottovoce.lab.registry import experiments

    for path in (SOURCE / kernel).rglob("*.py"):
        strings = {n.value for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Constant)}
        assert not strings & set(experiments()), path


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
        "from sottovoce.cli.main import main\n"
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
