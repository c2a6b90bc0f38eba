"""What all tests share: no network, two CPU devices, and a protocol small enough to train in a blink."""

import gc
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from jaxtyping import install_import_hook

from documents import ROOT, offline

# A process may have 65 530 memory maps on Linux, and a compiled program holds about 25 of them.
MOST_MAPS = 30_000
# Files that share what takes long to train: they stay in one process, so that nothing is trained twice.
TOGETHER = (
    r"tests/test_(docs|readme)\.py",
    r"tests/(experiments/|lab/|sweeps/test_sweep_section\.py|(running/test_run|cli/test_explore)\.py)",
    r"tests/training/test_(distillation_inputs|ensemble|protocol|traps)\.py",
)
# Files that take long by themselves.
LONG = (
    "training/test_processes.py",
    "running/cluster/test_local_cluster.py",
    "sweeps/test_spread.py",
    "test_pytorch_example.py",
    "runs/test_kills.py",
    "training/test_student_trunks.py",
    "running/test_own_parts.py",
    "notebooks/test_post.py",
)
# Modules and packages whose functions check the types and shapes of their arguments in tests.
TYPE_CHECKED = (
    *("streams.py", "data", "networks", "theory", "measure", "training", "interop"),
    *("experiments/*/findings.py", "experiments/*/counts.py", "experiments/spectrum/initialization.py"),
    "experiments/prediction/expansion.py",
    *("experiments/protocol/interventions.py", "experiments/protocol/published.py"),
    *("lab/claims.py", "lab/estimates.py", "lab/evidence.py", "lab/rows.py", "report/ledger.py"),
    *("sweeps/effects.py", "sweeps/findings.py", "sweeps/points.py", "sweeps/tables.py"),
)


def type_checked() -> Iterator[str]:
    """Yield the dotted names of `TYPE_CHECKED`, each of which has to match a file or a folder."""
    source = ROOT / "src"
    for pattern in TYPE_CHECKED:
        paths = sorted(source.glob(f"sottovoce/{pattern}"))
        assert paths, f"{pattern} matches nothing"
        yield from (".".join(path.relative_to(source).with_suffix("").parts) for path in paths)


def pytest_addoption() -> None:
    """Check types in the modules that are imported from now on.

    pytest calls this hook as soon as it has imported this file, before the files of tests and their own conftest.py;
    a process that borrows this file's fixtures without pytest checks no types.
    """
    # A module that is imported already would stay unchecked without a word.
    assert "sottovoce" not in sys.modules
    install_import_hook([*type_checked()], "beartype.beartype")


def pytest_configure(config: pytest.Config) -> None:
    """Keep tests off the network and out of the user's cache, and split the CPU in two, before jax computes."""
    if not hasattr(config, "workerinput"):  # processes of a parallel session inherit the environment of the first
        programs = TemporaryDirectory(prefix="sottovoce-programs-", ignore_cleanup_errors=True)
        config.add_cleanup(programs.cleanup)
        os.environ["PROGRAMS_OF_DOCUMENTS"] = programs.name
    # A shell that starts a job in the background, as in `nohup make test &`, lets it and its children ignore Ctrl-C,
    # which tests press.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["SOTTOVOCE_OFFLINE"] = "1"
    # There is a process a core: threads of OpenBLAS would only wait for each other, and they spin while they wait.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    # Programs of the tests themselves are not kept, those of the commands that they run are, for one another.
    os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"
    import jax

    from sottovoce.training import devices

    # Programs of tests run for milliseconds and compile for seconds; README's own commands are tested fully optimized.
    jax.config.update("jax_disable_most_optimizations", True)
    devices.configure("cpu", 2)


def group(nodeid: str) -> str:
    """Return what tests that stay in one process have in common: a pattern of files, or their file."""
    file = nodeid.partition("::")[0]
    return next((pattern for pattern in TOGETHER if re.match(pattern, file)), file)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: parallel processes end together where the last files are short."""
    order = [*TOGETHER, *(f"tests/{name}" for name in LONG)]
    items.sort(key=lambda item: order.index(group(item.nodeid)) if group(item.nodeid) in order else len(order))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each process whole groups; pytest-xdist's own marker of groups has no effect under pytest 9.2."""
    from xdist.scheduler import LoadScopeScheduling

    class Grouped(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    return Grouped(config, log)


@pytest.fixture(scope="module", autouse=True)
def _programs_let_go() -> Iterator[None]:
    """Forget compiled programs before a long session has more of them than the system lets a process map."""
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and len(maps.read_bytes().splitlines()) > MOST_MAPS:
        import jax

        jax.clear_caches()
        gc.collect()


@pytest.fixture
def own_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget at the end of a test which parts it registered."""
    from sottovoce import parts

    for vocabulary in parts.OPEN.values():
        monkeypatch.setattr(vocabulary, "_own", dict(vocabulary._own))


@pytest.fixture(scope="session")
def reproduced() -> Path:
    """Run `make reproduce` as a stranger does, in this checkout, and return its folder."""
    subprocess.run(["make", "reproduce"], cwd=ROOT, env=offline(), check=True, capture_output=True, text=True)
    return ROOT / "out"


@pytest.fixture
def reader(reproduced: Path, tmp_path: Path) -> Path:
    """Return the folder of a reader who has the runs of `make reproduce`, since they take longest, and nothing else."""
    shutil.copytree(reproduced / "runs", tmp_path / "out" / "runs")
    return tmp_path


@pytest.fixture(scope="session")
def digits() -> Any:
    """A few digits as the compiled protocol takes them: batches of 64 leave a short one at the end."""
    from sottovoce.data import load_dataset
    from sottovoce.experiments.protocol.program import device_images

    images = device_images(load_dataset("digits"))
    return images._replace(
        train_pixels=images.train_pixels[:300],
        train_labels=images.train_labels[:300],
        test_pixels=images.test_pixels[:200],
        test_labels=images.test_labels[:200],
    )


@pytest.fixture(scope="session")
def program(digits: Any) -> Callable[..., Any]:
    """Make the program of a member at the size of tests, from a tuple of students."""
    import jax.numpy as jnp

    from sottovoce.data.inputs import STANDARD
    from sottovoce.networks.initialization import Architecture
    from sottovoce.training.program import MemberProgram, Protocol, TracedSettings
    from sottovoce.training.students import arrays_of

    def make(
        students: tuple[Any, ...], *, n_built: int = 3, seed: int = 0, perturbation: float = 0.0, **changes: Any
    ) -> MemberProgram:
        architecture = Architecture(n_inputs=64, widths=(16, 16), n_class=10, n_aux=n_built)
        settings = {
            "architecture": architecture,
            "fresh_heads": False,
            "inputs": "uniform",
            "n_inputs": 150,
            "fresh_inputs": False,
            "teacher_epochs": 2,
            "student_epochs": 2,
            "batch_size": 64,
            "unrelated_teacher": any(student.unrelated for student in students),
        }
        rate = jnp.asarray(1e-3)
        traced = TracedSettings(
            seed=jnp.asarray(seed),
            students=arrays_of(architecture, students, perturbation),
            inputs=STANDARD,
            teacher_rate=rate,
            student_rate=rate,
            temperature=jnp.asarray(1.0),
        )
        return MemberProgram(Protocol(**settings | changes), traced, digits)

    return make


@pytest.fixture(scope="session")
def ensemble(program: Callable[..., Any]) -> Callable[..., Any]:
    """Train members of the protocol at the size of tests; what was trained once is not trained again."""
    from sottovoce.training.ensemble import run_members

    @cache
    def run(members: tuple[int, ...], students: tuple[Any, ...], **changes: Any) -> Any:
        return run_members(program(students, **changes), members)

    return run


@pytest.fixture(scope="session")
def smoke() -> Callable[..., Any]:
    """Simulate an experiment's smallest configuration."""
    from sottovoce.lab import registry

    @cache
    def run(name: str, members: tuple[int, ...] = (0, 1)) -> Any:
        experiment = registry.experiment(name)
        return experiment.simulate(experiment.Config.smoke().resolve(), members)

    return run
