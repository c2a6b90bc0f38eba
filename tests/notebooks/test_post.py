"""The walk through the post runs from top to bottom, and its checks know right from wrong."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sottovoce.measure import spectra

FOLDER = Path(__file__).parents[2] / "notebooks"


@pytest.fixture(scope="module")
def checks():
    spec = importlib.util.spec_from_file_location("checks", FOLDER / "checks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_runs_from_top_to_bottom(tmp_path):
    pytest.importorskip("marimo", reason="needs the extra 'explore'")
    done = subprocess.run(
        [sys.executable, FOLDER / "post.py"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "MPLBACKEND": "agg", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "auxiliary columns agree: True" in done.stdout
    assert "cross_model_all" in done.stdout
    assert "kl 8" in done.stdout


def solved_projector(Z):
    return Z @ np.linalg.pinv(Z)


def solved_captured(hidden, k, objective):
    return (k if objective == "mse" else k - 1) / hidden


def solved_seen(Z):
    return Z - Z.mean(axis=1, keepdims=True)


def solved_count(before, after):
    return int((spectra.singular_values(after) > spectra.singular_values(before)[0]).sum())


EXERCISES = {
    "projector": (solved_projector, (lambda Z: Z @ Z.T, lambda Z: np.eye(len(Z)), lambda Z: np.eye(3))),
    "captured": (solved_captured, (lambda hidden, k, objective: k / hidden, lambda hidden, k, objective: 0.5)),
    "objective_seen": (solved_seen, (lambda Z: Z, lambda Z: 0 * Z, lambda Z: Z[:3])),
    "learned": (solved_count, (lambda before, after: 1, lambda before, after: 64)),
}


@pytest.mark.parametrize("exercise", EXERCISES)
def test_checks_know_right_from_wrong(checks, exercise):
    solution, wrong = EXERCISES[exercise]
    check = getattr(checks, exercise)
    assert check(solution) == checks.RIGHT
    assert check(lambda *_: None) == checks.OPEN
    for answer in wrong:
        assert check(answer).startswith("Not yet: "), answer


def test_a_projector_along_the_wrong_directions_is_told_apart(checks):
    def oblique(Z):
        other = Z + np.arange(Z.size).reshape(Z.shape)
        return Z @ np.linalg.inv(other.T @ Z) @ other.T

    assert "not symmetric" in checks.projector(oblique)
