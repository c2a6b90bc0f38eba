"""Checkpoints of the user: what is read, how it is turned, what is refused. PyTorch's have test_torch_files.py."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from sottovoce.cli.main import main
from sottovoce.errors import DataError, UsageError
from sottovoce.interop.checkpoints import weight_matrices

RNG = np.random.default_rng(0)
ARRAYS = {"first": RNG.standard_normal((6, 4)), "bias": np.zeros(4), "second": RNG.standard_normal((4, 3))}


@pytest.fixture(params=[".npz", ".safetensors"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"weights{request.param}"
    if request.param == ".npz":
        np.savez(path, allow_pickle=False, **ARRAYS)
    else:
        save_file(ARRAYS, path)
    return path


def test_every_matrix_is_read_and_nothing_else(file: Path):
    found = weight_matrices(file)
    assert set(found) == {"first", "second"}
    np.testing.assert_array_equal(found["first"], ARRAYS["first"])


def test_torch_orientation_is_turned_round(file: Path):
    np.testing.assert_array_equal(weight_matrices(file, "first", "output_input")["first"], ARRAYS["first"].T)


@pytest.mark.parametrize(
    ("layer", "orientation", "part"),
    [("frist", "input_output", "did you mean 'first'"), ("bias", "input_output", "shape (4,)"), (None, "x", "allowed")],
)
def test_usage_errors(file: Path, layer: str | None, orientation: str, part: str):
    with pytest.raises(UsageError) as raised:
        weight_matrices(file, layer, orientation)
    assert part in str(raised.value)


def test_damaged_missing_and_object_files_are_refused(tmp_path: Path):
    (damaged := tmp_path / "a.npz").write_bytes(b"PK nothing")
    objects = tmp_path / "b.npy"
    np.save(objects, np.array([{"x": 1}], dtype=object), allow_pickle=True)
    for path, part in ((damaged, "cannot be read"), (objects, "cannot be read"), (tmp_path / "c.npz", "not there")):
        with pytest.raises(DataError) as raised:
            weight_matrices(path)
        assert part in str(raised.value)
        assert "\n" not in str(raised.value)
    with pytest.raises(UsageError, match="no file this reads"):
        weight_matrices(tmp_path / "d.onnx")


def test_directions_of_a_planted_matrix_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    # Three directions at three times the detectability threshold of noise 1/sqrt(n), which is 1.
    n, rng = 128, np.random.default_rng(1)
    left, right = (np.linalg.qr(rng.standard_normal((n, 3)))[0] for _ in range(2))
    path = tmp_path / "w.npz"
    np.savez(path, allow_pickle=False, w=rng.standard_normal((n, n)) / np.sqrt(n) + 3 * left @ right.T)
    main(["measure", "directions", str(path), "--layer", "w", "--null", "normal", "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert printed["counts"] == {"marchenko_pastur": 3, "parallel": 3, "gavish_donoho": 3, "gap": 3}
    main(["measure", "spectrum", str(path), "--json"])
    spectrum = json.loads(capsys.readouterr().out)["layers"]["w"]
    assert sum(spectrum["explained_variance_ratio"]) == pytest.approx(1)
    assert len(spectrum["singular_values"]) == n
