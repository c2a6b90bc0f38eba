"""The doctor: what is missing comes with the command that gets it, what is there is not called missing."""

from pathlib import Path

import pytest

from sottovoce import data
from sottovoce.cli import diagnosis

SOUND = data.Status("mnist", "here", True, None, 1, "free", "somebody")


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine that lacks nothing."""
    monkeypatch.setattr(data, "status", lambda _: SOUND)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: object())
    monkeypatch.setattr("shutil.which", lambda _: None)
    return monkeypatch


def missing() -> list[str]:
    return [line for line in diagnosis.lines() if line.startswith("missing: ")]


def test_a_whole_machine_lacks_nothing(whole: pytest.MonkeyPatch):
    assert diagnosis.lines()[-1] == "nothing is missing"
    assert missing() == []


def test_missing_data_comes_with_its_command(whole: pytest.MonkeyPatch, tmp_path: Path):
    whole.undo()
    whole.setattr("sottovoce.data.folders.cache_folder", lambda: tmp_path)
    whole.delenv("SOTTOVOCE_DATA", raising=False)
    said = "\n".join(missing())
    assert "fix: sottovoce data fetch mnist" in said
    assert "fix: sottovoce data fetch fashion-mnist" in said
    assert "digits" not in said


def test_missing_torch_comes_with_its_command(whole: pytest.MonkeyPatch):
    whole.setattr("importlib.util.find_spec", lambda name: None if name == "torch" else object())
    (line,) = missing()
    assert "torch" in line
    assert line.endswith("fix: pip install 'sottovoce[torch]'")


@pytest.mark.parametrize(("backend", "count"), [("cpu", 1), ("gpu", 0)])
def test_a_gpu_that_jax_does_not_use_is_named(whole: pytest.MonkeyPatch, backend: str, count: int):
    whole.setattr("shutil.which", lambda _: "/usr/bin/nvidia-smi")
    whole.setattr("jax.default_backend", lambda: backend)
    assert [line.endswith("pip install 'sottovoce[gpu]'") for line in missing()] == [True] * count
