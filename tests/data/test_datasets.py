"""Loading by name: split, scale, labels, provenance, and the choice that "auto" makes."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from sottovoce.data import datasets
from sottovoce.data.datasets import choose_dataset, load_dataset, status
from sottovoce.errors import DataError, UsageError

Put = Callable[..., Path]


def test_digits_are_split_by_every_fifth_of_each_class():
    pixels, labels = load_digits(return_X_y=True)
    seen, held_out = [0] * 10, []
    for label in labels:
        seen[label] += 1
        held_out.append(seen[label] % 5 == 0)
    data = load_dataset("digits", pixel_range=(0.0, 16.0))
    np.testing.assert_array_equal(data.test_images, pixels[held_out])
    np.testing.assert_array_equal(data.test_labels, labels[held_out])
    np.testing.assert_array_equal(data.train_images, pixels[np.logical_not(held_out)])
    np.testing.assert_array_equal(data.train_labels, labels[np.logical_not(held_out)])


def test_digits_hold_the_known_bytes():
    pinned = {
        "train_images": "238ffe25c90c1cd4aed363476e5c5e67528a279b6cca8e7c046a90f6f2dd4eb8",
        "train_labels": "a2e9b5aad772889452f916b3583eb978fb46384ff7116fda4a634c7c4caa4586",
        "test_images": "208645cd23e830184fd2fd044f441db9e420ba10f04e1caaee49bc0bb5941240",
        "test_labels": "ae868ceb6e5b065cfdba65e639e01c0dbb262d32bea34ba86eab9eb6eddd8d59",
    }
    found = load_dataset("digits").provenance["sha256"]
    assert found == pinned, (
        "scikit-learn's digits or our split of them changed, and with them every result on digits; if meant, "
        f"renew the pinned checksums with {found}"
    )


def test_every_class_of_digits_is_held_out_alike():
    data = load_dataset("digits")
    train, test = (np.bincount(labels, minlength=10) for labels in (data.train_labels, data.test_labels))
    np.testing.assert_array_equal(test, (train + test) // 5)


def test_files_become_rows_of_scaled_pixels(put: Put, tmp_path: Path, arrays: dict):
    put(tmp_path / "mnist")
    data = load_dataset("mnist", tmp_path)
    # The published scaling, in double precision; one rounding to float32 of numbers up to 1 is at most 2^-25.
    expected = (arrays["train_images"].reshape(12, 9) / 255 - 0.5) / 0.5
    assert np.abs(data.train_images - expected).max() <= 2.0**-25 + 1e-15
    np.testing.assert_array_equal(data.test_labels, arrays["test_labels"])
    assert (data.train_images.dtype, data.train_labels.dtype) == (np.float32, np.int32)
    assert (data.test_images.shape, data.n_class, data.image_shape) == ((7, 9), 10, (3, 3))


@pytest.mark.parametrize("pixel_range", [(-1.0, 1.0), (0.0, 1.0), (-0.3, 7.7)])
def test_black_and_white_are_the_ends_of_the_range(pixel_range: tuple[float, float]):
    data = load_dataset("digits", pixel_range=pixel_range)
    assert (data.train_images.min(), data.train_images.max()) == tuple(np.float32(pixel_range))
    assert len(np.unique(data.train_images)) == 17


@pytest.mark.parametrize("pixel_range", [(1.0, -1.0), (0.0, 0.0), (float("nan"), 1.0), (0.0, float("inf"))])
def test_a_pixel_range_that_is_none_is_refused(pixel_range: tuple[float, float]):
    with pytest.raises(UsageError, match=r"pixel_range is .*the lower one first"):
        load_dataset("digits", pixel_range=pixel_range)


def test_provenance_tells_what_was_read(put: Put, small: dict, tmp_path: Path):
    put(tmp_path / "mnist")
    provenance = load_dataset("mnist", tmp_path).provenance
    expected = {name: hashlib.sha256(content).hexdigest() for name, content in small["mnist"].items()}
    assert provenance["sha256"] == expected
    assert provenance["source"]
    assert provenance["license"]


def test_a_loaded_dataset_belongs_to_its_caller(put: Put, tmp_path: Path):
    put(tmp_path / "mnist")
    first, again = load_dataset("mnist", tmp_path), load_dataset("mnist", tmp_path)
    first.train_images[:] = 7
    first.train_labels[:] = 7
    assert again.train_images.max() <= 1
    np.testing.assert_array_equal(load_dataset("mnist", tmp_path).train_labels, again.train_labels)


def test_damaged_files_are_never_loaded(put: Put, tmp_path: Path):
    put(tmp_path / "mnist", test_labels=b"damaged")
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte.gz: wrong checksum"):
        load_dataset("mnist", tmp_path)


def test_an_unknown_dataset_is_refused():
    with pytest.raises(
        UsageError,
        match=r"allowed: digits, mnist, fashion-mnist, a \.npz file with images and labels; did you mean 'digits'",
    ):
        load_dataset("digit")
    with pytest.raises(UsageError, match="allowed: auto, digits, mnist, fashion-mnist"):
        choose_dataset("cifar")


class TestAuto:
    @pytest.fixture
    def attempts(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Record attempts to fetch; every one fails."""
        made: list[str] = []
        monkeypatch.setattr(datasets, "attempt", lambda name, _limit: bool(made.append(name)))
        monkeypatch.delenv("SOTTOVOCE_OFFLINE")
        return made

    @pytest.mark.parametrize("name", datasets.NAMES)
    def test_a_named_dataset_is_taken_at_its_word(self, attempts: list[str], name: str):
        assert choose_dataset(name) == name
        assert attempts == []

    def test_mnist_at_hand_is_taken(self, put: Put, tmp_path: Path, attempts: list[str]):
        put(tmp_path / "mnist")
        assert choose_dataset("auto", tmp_path) == "mnist"
        assert attempts == []

    def test_a_failed_attempt_means_digits(self, attempts: list[str]):
        assert choose_dataset("auto") == "digits"
        assert attempts == ["mnist"]

    def test_a_cut_file_means_digits(self, put: Put, tmp_path: Path, attempts: list[str]):
        put(tmp_path / "mnist", train_images=b"cut")
        assert choose_dataset("auto", tmp_path) == "digits"
        assert attempts == ["mnist"]

    def test_a_fetched_mnist_is_taken(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.delenv("SOTTOVOCE_OFFLINE")
        monkeypatch.setattr(datasets, "attempt", lambda _name, _limit: True)
        assert choose_dataset("auto") == "mnist"

    @pytest.mark.parametrize(("value", "n_attempt"), [("1", 0), ("0", 1), ("", 1)])
    def test_offline_makes_no_attempt(
        self, monkeypatch: pytest.MonkeyPatch, attempts: list[str], value: str, n_attempt: int
    ):
        monkeypatch.setenv("SOTTOVOCE_OFFLINE", value)
        assert choose_dataset("auto") == "digits"
        assert len(attempts) == n_attempt


def test_status_of_each_state(put: Put, small: dict, tmp_path: Path):
    assert str(status("digits")) == "digits (embedded, CC BY 4.0): scikit-learn, checksums verified"
    absent = status("mnist", tmp_path)
    assert (absent.where, absent.verified) == (None, False)
    folder = put(tmp_path / "mnist")
    sound = status("mnist", tmp_path)
    assert (sound.where, sound.verified, sound.problem) == (str(folder), True, None)
    assert sound.size == sum(map(len, small["mnist"].values()))
    name = "train-images-idx3-ubyte.gz"
    put(folder, train_images=small["mnist"][name][:-1] + b"?")
    damaged = status("mnist", tmp_path)
    assert (damaged.where, damaged.verified) == (str(folder), False)
    assert str(damaged).endswith(f", {damaged.license}): {damaged.problem}")
    assert "wrong checksum" in str(damaged.problem)


@pytest.mark.data
@pytest.mark.usefixtures("real_machine")
@pytest.mark.parametrize(
    ("name", "train_counts", "test_counts"),
    [
        (
            "mnist",
            [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
            [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
        ),
        ("fashion-mnist", [6000] * 10, [1000] * 10),
    ],
)
def test_the_real_files(
    name: str,
    train_counts: list[int],
    test_counts: list[int],
):
    if datasets.locate(name) is None:
        pytest.skip(f"{name} is neither at $SOTTOVOCE_DATA nor in the cache: sottovoce data fetch {name}")
    data = load_dataset(name)
    assert (data.train_images.shape, data.test_images.shape) == ((60_000, 784), (10_000, 784))
    assert (data.train_images.min(), data.train_images.max()) == (-1.0, 1.0)
    assert np.bincount(data.train_labels).tolist() == train_counts
    assert np.bincount(data.test_labels).tolist() == test_counts
