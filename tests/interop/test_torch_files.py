"""Files that torch.save wrote: tensors come out as arrays, code stays in."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sottovoce.cli.main import main
from sottovoce.errors import DataError, SottovoceError

torch = pytest.importorskip("torch", reason="PyTorch is an extra")

from sottovoce.interop import checkpoints, torch_files  # noqa: E402


class Writes:
    """An object whose pickle, when it is loaded, writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"echo written > {self.path}",)


def state() -> dict:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(6, 4), torch.nn.ReLU(), torch.nn.Linear(4, 3)).state_dict()


@pytest.mark.parametrize("suffix", [".pt", ".pth"])
@pytest.mark.parametrize("nested", [None, "state_dict", "model_state_dict"])
def test_a_state_dict_is_read_as_it_is_or_nested(tmp_path, suffix, nested):
    path, given = tmp_path / f"weights{suffix}", state()
    torch.save({nested: given, "epoch": 3, "optimizer": {"state": {}}} if nested else given, path)
    found = torch_files.load_arrays(path)
    assert list(found) == list(given)
    for name, tensor in given.items():
        np.testing.assert_array_equal(found[name], tensor.numpy())


def test_old_files_lone_tensors_and_short_floats_are_read(tmp_path):
    torch.save(state(), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    assert list(torch_files.load_arrays(tmp_path / "old.pt")) == list(state())
    half = torch.arange(6.0).reshape(2, 3).bfloat16()
    torch.save(half.requires_grad_(), tmp_path / "features.pt")
    found = torch_files.load_arrays(tmp_path / "features.pt")
    assert found["features"].dtype == np.float32
    np.testing.assert_array_equal(found["features"], np.arange(6.0).reshape(2, 3))


def test_matrices_are_turned_unless_told_otherwise(tmp_path):
    path, given = tmp_path / "w.pt", state()
    torch.save(given, path)
    np.testing.assert_array_equal(checkpoints.weight_matrices(path)["0.weight"], given["0.weight"].numpy().T)
    kept = checkpoints.weight_matrices(path, orientation="input_output")["0.weight"]
    np.testing.assert_array_equal(kept, given["0.weight"].numpy())


def test_the_planted_code_would_run_if_it_were_let(tmp_path):
    pickle.loads(pickle.dumps(Writes(tmp_path / "written")))
    assert (tmp_path / "written").exists()


@pytest.mark.parametrize("how", ["torch.save", "torch.save, old", "bare pickle"])
def test_code_in_a_file_is_not_run(tmp_path, how, capsys):
    trap, path = tmp_path / "written", tmp_path / "weights.pt"
    planted = {**state(), "extra": Writes(trap)}
    if how == "bare pickle":
        path.write_bytes(pickle.dumps(Writes(trap), protocol=2))
    else:
        torch.save(planted, path, _use_new_zipfile_serialization=how == "torch.save")
    with pytest.raises(DataError) as refused:
        checkpoints.read(path)
    assert not trap.exists()
    message = str(refused.value)
    assert f"{os.system.__module__}.system" in message
    assert "could run code" in message
    assert "torch.save(module.state_dict(), path)" in message
    # PyTorch's own advice, to load it all the same, is not passed on.
    assert "weights_only" not in message
    assert "\n" not in message
    with pytest.raises(SystemExit) as stop:
        main(["measure", "spectrum", str(path)])
    assert stop.value.code == 1
    assert capsys.readouterr().err.startswith("error: ")
    assert not trap.exists()


def test_a_whole_module_is_refused_and_what_to_save_instead_is_said(tmp_path):
    torch.save(torch.nn.Sequential(torch.nn.Linear(3, 2)), tmp_path / "module.pt")
    with pytest.raises(DataError, match=r"asks for torch.nn.modules.container.Sequential.*module.state_dict\(\)"):
        checkpoints.read(tmp_path / "module.pt")


@pytest.mark.parametrize("kept", [0, 20, 700, -40])
def test_a_truncated_file_is_refused(tmp_path, kept):
    torch.save(state(), tmp_path / "whole.pt")
    (tmp_path / "part.pt").write_bytes((tmp_path / "whole.pt").read_bytes()[:kept])
    with pytest.raises(DataError, match=r"part.pt (cannot be read as .pt|holds more than tensors)") as refused:
        checkpoints.read(tmp_path / "part.pt")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ([torch.zeros(2)], "holds a list"),
        ({"epoch": 3, "model": state()}, "holds epoch, model; allowed"),
        ({}, "holds nothing"),
    ],
)
def test_what_holds_no_tensors_by_name_is_refused(tmp_path, held, words):
    torch.save(held, tmp_path / "other.pt")
    with pytest.raises(DataError, match=f"{words}.*state_dict or model_state_dict"):
        checkpoints.read(tmp_path / "other.pt")


def test_a_pytorch_that_could_run_code_is_refused(tmp_path, monkeypatch):
    torch.save(state(), tmp_path / "w.pt")
    monkeypatch.setattr(torch, "__version__", "2.5.1+cpu")
    with pytest.raises(SottovoceError, match=r"torch is 2.5.1\+cpu; allowed: 2.6 or newer"):
        checkpoints.read(tmp_path / "w.pt")


def test_without_pytorch_the_extra_is_named(tmp_path):
    (tmp_path / "w.pt").write_bytes(b"anything")
    code = f"""
import sys
class NotThere:
    def find_spec(self, name, *_):
        if name == "torch":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, NotThere())
from sottovoce.cli.main import main
main(["measure", "spectrum", {str(tmp_path / "w.pt")!r}])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: PyTorch is not installed; it comes with: pip install 'sottovoce[torch]'\n"
