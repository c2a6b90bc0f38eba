"""examples/pytorch_checkpoints.py, and docs/checkpoints.md on the files that it leaves."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is an extra")

ROOT = Path(__file__).parents[1]
DOCS = (ROOT / "docs" / "checkpoints.md").read_text(encoding="utf-8")


def run(words: list[str], folder: Path) -> str:
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}\n{done.stderr}"
    return done.stdout


def grafts(printed: str) -> np.ndarray:
    """Return the matrix that the example prints, body by head."""
    rows = re.findall(r"^(?:\[| )\[([\d. ]+)\]", printed, flags=re.MULTILINE)
    return np.array([row.split() for row in rows], dtype=float)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("pytorch")


@pytest.fixture(scope="module")
def printed(folder) -> str:
    return run([sys.executable, str(ROOT / "examples" / "pytorch_checkpoints.py"), str(folder)], folder)


def test_the_example_measures_what_it_trained(printed, folder):
    assert all((folder / f"{name}.pt").exists() for name in ("reference", "teacher", "student"))
    graft = grafts(printed)
    reference, teacher, student = np.diag(graft)
    # Chance of ten classes on 355 images and five standard errors; a teacher above 0.9; a student between.
    assert reference < 0.1 + 5 * (0.09 / 355) ** 0.5
    assert teacher > 0.9
    assert reference + 0.1 < student < teacher
    # The student's class head never moved.
    np.testing.assert_array_equal(graft[:, 0], graft[:, 2])
    predicted = float(re.findall(r"predicted student accuracy (\d\.\d+)", printed)[0])
    assert reference < predicted < teacher
    assert float(re.findall(r"the student itself: (\d\.\d+)", printed)[0]) == pytest.approx(student, abs=1e-3)


def test_every_command_of_the_page_runs_on_its_files(printed, folder):
    commands = re.findall(r"^    (sottovoce measure .*)$", DOCS, flags=re.MULTILINE)
    assert len(commands) >= 5
    for command in commands:
        shown = run(command.split(), folder)
        assert shown, command
        if " graft " in command:
            rows = re.findall(r"^(?:reference|teacher|student) +(.*)$", shown, flags=re.MULTILINE)
            # By another route, and to three digits; one image of 355 may be a near tie that rounding decides.
            by_command = np.array([row.split() for row in rows], dtype=float)
            np.testing.assert_allclose(by_command, grafts(printed), atol=1.5 / 355)


def test_the_python_of_the_page_runs(printed, folder):
    code = "\n".join(re.findall(r"```python\n(.*?)```", DOCS, flags=re.DOTALL))
    shown = run([sys.executable, "-W", "error", "-c", code], folder)
    assert "predicted student accuracy" in shown
    assert len(shown.splitlines()) >= 5


def test_the_distillation_loss_is_the_protocols():
    import jax.numpy as jnp

    from sottovoce.training.objectives import kl

    spec = importlib.util.spec_from_file_location("pytorch_checkpoints", ROOT / "examples" / "pytorch_checkpoints.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    student, teacher = np.random.default_rng(0).standard_normal((2, 7, 13)).astype(np.float32)
    ours = kl(jnp.asarray(student), jnp.asarray(teacher), jnp.arange(13) >= 10, jnp.asarray(1.0)).mean()
    theirs = example.aux_loss(torch.from_numpy(student), torch.from_numpy(teacher))
    np.testing.assert_allclose(float(theirs), ours, rtol=1e-5)
