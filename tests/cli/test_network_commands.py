"""`sottovoce measure graft` and `measure risk` on files: what they print, and what they refuse."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from sottovoce.cli.main import main
from sottovoce.data import load_dataset
from sottovoce.experiments.prediction import risk
from sottovoce.interop.networks import named_arrays
from sottovoce.networks.base import accuracy
from sottovoce.networks.initialization import Architecture, initialize

IMAGES = load_dataset("digits")


def draw(member, width=16, activation="relu"):
    return initialize(Architecture(64, (32, width), 10, 3, activation), jax.random.key(member))


@pytest.fixture
def files(tmp_path):
    """Three networks of ours in three kinds of files."""
    names = ("reference.npz", "teacher.safetensors", "turned.npz")
    for i, name in enumerate(names):
        arrays = named_arrays(draw(i))
        if name == "turned.npz":
            arrays = {key: np.ascontiguousarray(array.T) for key, array in arrays.items()}
        if name.endswith(".npz"):
            np.savez(tmp_path / name, allow_pickle=False, **arrays)
        else:
            save_file(arrays, tmp_path / name)
    return [str(tmp_path / name) for name in names]


def printed(words, capsys):
    main(["measure", *words])
    return capsys.readouterr().out


def refused(words, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["measure", *words])
    assert stop.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_the_diagonal_of_grafts_is_the_plain_accuracy(files, capsys, activation):
    words = ["graft", *files[:2], "--dataset", "digits", "--activation", activation]
    found = json.loads(printed([*words, "--json"], capsys))
    assert (found["dataset"], found["images"]) == ("digits", 355)
    assert found["bodies"] == found["heads"] == ["reference", "teacher"]
    networks = [draw(i, activation=activation) for i in range(2)]
    images, labels = jnp.asarray(IMAGES.test_images), jnp.asarray(IMAGES.test_labels)
    for i, network in enumerate(networks):
        # One image of 355 may be a near tie that rounding decides.
        assert found["accuracy"][i][i] == pytest.approx(float(accuracy(network, images, labels)), abs=1.5 / 355)
    off = networks[1].class_head(networks[0].hidden(images))
    assert found["accuracy"][0][1] == pytest.approx(float(jnp.mean(jnp.argmax(off, 1) == labels)), abs=1.5 / 355)
    lines = printed(words, capsys).splitlines()
    assert "355 test images of digits" in lines[0]
    assert lines[2].split() == ["reference", *(f"{value:.4f}" for value in found["accuracy"][0])]


def test_the_turned_file_is_the_same_network(files, capsys, tmp_path):
    np.savez(tmp_path / "straight.npz", allow_pickle=False, **named_arrays(draw(2)))
    both = [
        json.loads(printed(["graft", *words, "--dataset", "digits", "--json"], capsys))["accuracy"]
        for words in ([str(tmp_path / "straight.npz")] * 2, [files[2]] * 2 + ["--orientation", "output_input"])
    ]
    assert both[0] == both[1]


def test_pixels_change_what_is_tested(files, capsys):
    symmetric, unit = (
        json.loads(printed(["graft", *files[:2], "--dataset", "digits", "--json", "--pixels", pixels], capsys))
        for pixels in ("symmetric", "unit")
    )
    assert symmetric["accuracy"] != unit["accuracy"]


def test_what_does_not_fit_is_refused(files, capsys, tmp_path):
    np.savez(tmp_path / "wide.npz", allow_pickle=False, **named_arrays(draw(0, width=20)))
    one = initialize(Architecture(63, (16,), 10, 3), jax.random.key(0))
    np.savez(tmp_path / "narrow.npz", allow_pickle=False, **named_arrays(one))
    digits = ["--dataset", "digits"]
    for words, parts in (
        ([files[0], *digits], ["16 hidden units", "two files or more"]),
        ([files[0], str(tmp_path / "wide.npz"), *digits], ["16, 20 hidden units", "of one number of units"]),
        ([files[0], str(tmp_path / "narrow.npz"), *digits], ["narrow.npz reads 63 inputs; allowed: 64"]),
        ([*files[:2], *digits, "--class-head", "clas_head"], ["reference.npz: class_head is", "'class_head'?"]),
        ([*files[:2], *digits, "--pixels", "unity"], ["pixels is 'unity'", "did you mean 'unit'?"]),
        ([*files[:2], "--dataset", "digit"], ["did you mean 'digits'?"]),
        ([*files[:2], *digits, "--orientation", "output"], ["orientation is 'output'"]),
    ):
        message = refused(["graft", *words], capsys)
        assert message.count("\n") == 1
        assert all(part in message for part in parts), message


def test_risk_is_asked_at_the_datasets_preset(files, capsys, monkeypatch):
    asked = {}

    def answer(*given, **settings):
        asked.update(settings, given=given)
        return risk.Risk(0.5, 0.4, 0.1, 0.9, 0.3, 0.7, 0.2, np.zeros((355, 10)))

    monkeypatch.setattr(risk, "transfer_risk", answer)
    words = ["risk", *files[:2], "--dataset", "digits", "--objective", "mse", "--n-aux", "2"]
    found = json.loads(printed([*words, "--json"], capsys))
    assert (found["student_accuracy"], found["head_gram"], found["n_aux"], found["objective"]) == (0.5, 0.2, 2, "mse")
    assert found["reliability"] == risk.RELIABILITY
    reference, teacher, inputs, images, labels = asked.pop("given")
    for network, member in ((reference, 0), (teacher, 1)):
        assert all(np.array_equal(*pair) for pair in zip(*map(jax.tree.leaves, (network, draw(member))), strict=True))
    assert inputs.shape == (10_000, 64)
    assert float(jnp.abs(inputs).max()) <= 1
    np.testing.assert_array_equal(images, IMAGES.test_images)
    np.testing.assert_array_equal(labels, IMAGES.test_labels)
    # All training images of digits, which are fewer than the most that are used.
    for given, expected in zip(asked.pop("training"), (IMAGES.train_images, IMAGES.train_labels), strict=True):
        np.testing.assert_array_equal(given, expected)
    schedule = {"epochs": 5, "batch_size": 64, "learning_rate": 1e-3}
    assert asked == {"n_aux": 2, "objective": "mse", "seed": 0, **schedule}
    assert "predicted student accuracy 0.500, 0.40 of the way" in printed(words, capsys)


def test_spectra_do_not_depend_on_how_a_file_keeps_its_matrices(files, capsys, tmp_path):
    np.savez(tmp_path / "straight.npz", allow_pickle=False, **named_arrays(draw(2)))
    spectrum = ["spectrum", "--json", "--layer", "trunk.1.weight"]
    straight = json.loads(printed([*spectrum, str(tmp_path / "straight.npz")], capsys))
    turned = json.loads(printed([*spectrum, files[2], "--orientation", "output_input"], capsys))
    wrong = json.loads(printed([*spectrum, files[2]], capsys))
    assert straight["layers"] == turned["layers"]
    assert (straight["orientation"], turned["orientation"]) == ("input_output", "output_input")
    # Centered over the other side it is another spectrum.
    assert wrong["layers"] != straight["layers"]
    assert "read as output_input" in printed(["spectrum", files[2], "--orientation", "output_input"], capsys)


def test_subspaces_change_sides_with_the_orientation(files, capsys):
    pair = [files[0], files[0].replace("reference", "other")]
    np.savez(pair[1], allow_pickle=False, **named_arrays(draw(5)))
    words = ["subspaces", *pair, "--layer", "class_head.weight", "--json", "--orientation"]
    one, other = (
        json.loads(printed([*words, o], capsys))["layers"]["class_head.weight"]
        for o in ("input_output", "output_input")
    )
    assert one["input"]["overlap"] == pytest.approx(other["output"]["overlap"])
    assert one["output"]["overlap"] == pytest.approx(other["input"]["overlap"])
    assert one["input"]["overlap"] != pytest.approx(one["output"]["overlap"])
