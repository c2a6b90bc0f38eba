"""Comparisons of the user's files: planted directions found again through the command, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from sottovoce.cli.main import main
from sottovoce.errors import UsageError
from sottovoce.measure import comparison
from sottovoce.measure.subspaces import random_basis

RNG = np.random.default_rng(0)
REFERENCE = RNG.standard_normal((20, 16))
LEFT, RIGHT = random_basis(RNG, 20, 4), random_basis(RNG, 16, 4)
# The student reads what the teacher reads (two of its directions) and writes elsewhere.
TEACHER = REFERENCE + LEFT[:, :2] * [3.0, 2.0] @ RIGHT[:, :2].T
STUDENT = REFERENCE + LEFT[:, :2] * [2.0, 1.5] @ RIGHT[:, 2:].T


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    paths = []
    for name, weight in (("reference", REFERENCE), ("teacher", TEACHER), ("student", STUDENT)):
        if name == "teacher":
            save_file({"hidden": weight}, path := tmp_path / f"{name}.safetensors")
        else:
            np.savez(path := tmp_path / f"{name}.npz", allow_pickle=False, hidden=weight)
        paths.append(str(path))
    return paths


def test_updates_that_read_the_same_and_write_elsewhere(files: list[str], capsys: pytest.CaptureFixture[str]):
    main(["measure", "subspaces", *files, "--layer", "hidden", "--rank", "2", "--json"])
    hidden = json.loads(capsys.readouterr().out)["layers"]["hidden"]
    assert (hidden["compared"], hidden["rank"]) == ("updates", 2)
    assert hidden["input"]["overlap"] == pytest.approx(1)
    np.testing.assert_allclose(hidden["input"]["principal_angles"], [0, 0], atol=1e-6)
    assert hidden["output"]["overlap"] == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(hidden["output"]["principal_angles"], [90, 90])
    for side, dim in (("input", 20), ("output", 16)):
        assert hidden[side]["random"] == pytest.approx(2 / dim)
        assert hidden[side]["random"] < hidden[side]["random_high"] < 1
    main(["measure", "subspaces", *files, "--rank", "2"])
    read, *lines = capsys.readouterr().out.splitlines()
    assert read.endswith("read as input_output, input_output, input_output")
    assert [line.split(":")[0] for line in lines] == [
        f"hidden, {side} side, 2 directions of updates" for side in ("output", "input")
    ]


def test_torch_orientation_exchanges_the_sides(files: list[str], capsys: pytest.CaptureFixture[str]):
    main(["measure", "subspaces", *files, "--rank", "2", "--orientation", "output_input", "--json"])
    hidden = json.loads(capsys.readouterr().out)["layers"]["hidden"]
    assert hidden["output"]["overlap"] == pytest.approx(1)
    assert hidden["input"]["overlap"] == pytest.approx(0, abs=1e-12)


def test_two_files_compare_weights_and_a_small_matrix_gives_what_it_has():
    found = comparison.compare_subspaces([{"head": TEACHER[:, :2]}, {"head": 5 * TEACHER[:, :2]}], rank=7)["head"]
    assert (found["compared"], found["rank"]) == ("weights", 2)
    for side in ("input", "output"):
        assert found[side]["overlap"] == pytest.approx(1)


def test_features_by_command_whatever_their_one_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    x = RNG.standard_normal((60, 40))
    np.save(tmp_path / "mine.npy", x, allow_pickle=False)
    np.savez(tmp_path / "turned.npz", allow_pickle=False, other=3 * x @ random_basis(RNG, 40, 40) + 1)
    np.savez(tmp_path / "unrelated.npz", allow_pickle=False, other=RNG.standard_normal((60, 40)))
    found = {}
    for other in ("turned", "unrelated"):
        main(["measure", "cka", str(tmp_path / "mine.npy"), str(tmp_path / f"{other}.npz"), "--json"])
        found[other] = json.loads(capsys.readouterr().out)["layers"]["mine"]
    assert found["turned"]["debiased"] == pytest.approx(1)
    assert found["turned"]["plain"] == pytest.approx(1)
    # Forty features on sixty samples look alike to the plain estimate.
    assert found["unrelated"]["plain"] > 0.3
    assert found["unrelated"]["plain"] == pytest.approx(found["unrelated"]["plain_shuffled"], abs=0.1)
    assert abs(found["unrelated"]["debiased"]) < 0.1
    main(["measure", "cka", str(tmp_path / "mine.npy"), str(tmp_path / "turned.npz")])
    assert capsys.readouterr().out.startswith("mine: debiased CKA 1.0000")


W = np.ones((5, 4))


@pytest.mark.parametrize(
    ("call", "part"),
    [
        (lambda: comparison.compare_subspaces([{"w": W}], 1), "files are 1; allowed: two, or three"),
        (lambda: comparison.compare_subspaces([{"w": W}, {"w": W}], 0), "rank is 0"),
        (lambda: comparison.compare_subspaces([{"w": W}, {"v": W}], 1), "hold different matrices: w and v"),
        (lambda: comparison.compare_subspaces([{"w": W}, {"w": W[:4]}], 1), r"\(5, 4\) and \(4, 4\)"),
        (lambda: comparison.compare_subspaces([{"w": W}, {"w": W * np.nan}], 1), "NaN or infinity"),
        (lambda: comparison.compare_subspaces([{"w": W}, {"w": W}, {"w": 2 * W}], 1), "updates that are all zero"),
        (lambda: comparison.compare_features({"w": W}, {"v": W[:4]}), "same number of samples"),
        (lambda: comparison.compare_features({"w": W}, {"v": W}), "do not vary"),
        (lambda: comparison.compare_features({"w": RNG.random((3, 4))}, {"v": RNG.random((3, 2))}), "3 samples"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(call, part):
    with pytest.raises(UsageError, match=part) as raised:
        call()
    assert "\n" not in str(raised.value)
