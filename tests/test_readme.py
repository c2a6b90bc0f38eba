"""Every command in README.md is run here; its Python is run too."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from documents import ROOT, indented, run

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [line.strip() for block in indented(README) for line in block.splitlines()]
SHORT = [c for c in COMMANDS if c.startswith("sottovoce") and "--dataset mnist" not in c]


def test_readme_has_the_commands_it_should():
    assert COMMANDS[:2] == ["make reproduce", "make test"]
    assert len(SHORT) >= 8


def test_make_reproduce_leaves_what_readme_says(reproduced: Path):
    assert (reproduced / "report.html").stat().st_size > 100_000
    for name in ("figure1", "figure2", "bars", "figure3", "decoding"):
        assert (reproduced / "figures" / f"{name}.svg").exists()
        assert (reproduced / "figures" / f"{name}.png").exists()
    assert any((reproduced / "runs").iterdir())


def test_make_test_is_this():
    listed = subprocess.run(["make", "-n", "test"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert "-m pytest" in listed


def test_every_short_command_runs(reader: Path):
    # One after another in one folder, as a reader would; the first runs are those that later commands list and show.
    for command in SHORT:
        done = run(command.split(), reader)
        needs_network = command.startswith("sottovoce data fetch")
        assert done.returncode == 0 or needs_network, f"{command}\n{done.stderr}"
        assert "Traceback" not in done.stderr


def test_commands_on_ones_own_files_run(tmp_path: Path):
    commands = re.findall(r"`(sottovoce measure [^`]+)`", README.replace("\n", " "))
    assert len(commands) >= 2
    rng = np.random.default_rng(0)
    for name in ("reference", "teacher", "student"):
        np.savez(tmp_path / f"{name}.npz", layer=rng.standard_normal((30, 20)))
    for name in ("mine", "theirs"):
        np.save(tmp_path / f"{name}.npy", rng.standard_normal((50, 8)))
    for command in commands:
        done = run(command.split(), tmp_path)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert done.stdout


def test_the_long_command_is_accepted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    from sottovoce.cli import commands, main
    from sottovoce.report import results as report_results

    long = next(c for c in COMMANDS if "--dataset mnist" in c)
    asked: dict[str, object] = {}
    monkeypatch.setattr(report_results, "run_all", lambda execution, announce, **given: asked.update(given) or {})
    monkeypatch.setattr(commands, "_write_report", lambda results, runs, out: None)
    main.main(long.replace("path/to/files", str(tmp_path)).split()[1:])
    assert asked["dataset"] == "mnist"


def test_python_in_readme_runs(tmp_path: Path):
    code = "\n".join(re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL))
    done = run([sys.executable, "-c", code], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "(1442, 64)" in done.stdout
