"""Where files are looked for, in which order, and what happens to damaged ones."""

import hashlib
import logging
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sottovoce.data import catalog
from sottovoce.data.folders import candidates, locate, read_verified, searched_first
from sottovoce.errors import DataError, UsageError

Put = Callable[..., Path]

FIX = "; fix: sottovoce data fetch mnist"


def same_size(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize("below", ["", "mnist"])
@pytest.mark.parametrize("place", ["data_dir", "searched_first", "variable", "cache"])
def test_files_are_found_in_every_place_and_in_its_subfolder(
    put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arrays: dict, place: str, below: str
):
    root = tmp_path / ("cache" if place == "cache" else "here")
    folder = put(root / below)
    if place == "variable":
        monkeypatch.setenv("SOTTOVOCE_DATA", str(root))
    with searched_first(root if place == "searched_first" else None):
        data_dir = root if place == "data_dir" else None
        assert locate("mnist", data_dir) == folder
        where, found = read_verified("mnist", data_dir)
    assert where == folder
    assert found.keys() == arrays.keys()
    for role, array in arrays.items():
        np.testing.assert_array_equal(found[role], array)


def test_the_order_is_argument_or_context_then_variable_then_cache(
    put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    names = ["argument", "context", "variable", "cache"]
    places = {name: put(tmp_path / name / "mnist").parent for name in names}
    monkeypatch.setenv("SOTTOVOCE_DATA", str(places["variable"]))
    with searched_first(places["context"]):
        assert locate("mnist", places["argument"]) == places["argument"] / "mnist"
        assert locate("mnist") == places["context"] / "mnist"
        with searched_first(None):
            assert locate("mnist") == places["variable"] / "mnist"
        assert locate("mnist") == places["context"] / "mnist"
    assert locate("mnist") == places["variable"] / "mnist"
    monkeypatch.setenv("SOTTOVOCE_DATA", "")
    assert locate("mnist") == places["cache"] / "mnist"


def test_searched_first_ends_with_its_context_even_after_an_error(tmp_path: Path):
    before = candidates("mnist")
    with pytest.raises(RuntimeError), searched_first(tmp_path):
        raise RuntimeError
    assert candidates("mnist") == before


def test_a_folder_named_like_another_dataset_is_not_taken_for_this_one(put: Put, tmp_path: Path):
    put(tmp_path / "mnist")
    with pytest.raises(DataError, match="are in none of"):
        read_verified("fashion-mnist", tmp_path / "mnist")


def test_two_datasets_with_the_same_file_names_stay_apart(put: Put, tmp_path: Path):
    put(tmp_path / "mnist")
    put(tmp_path / "fashion-mnist", "fashion-mnist")
    _, digits = read_verified("mnist", tmp_path)
    _, fashion = read_verified("fashion-mnist", tmp_path)
    assert not np.array_equal(digits["train_images"], fashion["train_images"])


def test_nothing_anywhere_tells_every_place_looked_in(small: dict, tmp_path: Path):
    assert small
    with pytest.raises(DataError) as caught:
        read_verified("mnist", tmp_path)
    text = str(caught.value)
    places = [tmp_path / "mnist", tmp_path, tmp_path / "cache/mnist", tmp_path / "cache"]
    looked = ", ".join(map(str, places))
    expected = f"mnist: train-images-idx3-ubyte.gz and the other files are in none of {looked}{FIX}"
    assert text == expected


def test_a_missing_file_is_named(put: Put, tmp_path: Path):
    folder = put(tmp_path / "mnist", test_labels=None)
    assert locate("mnist", tmp_path) is None
    with pytest.raises(DataError) as caught:
        read_verified("mnist", tmp_path)
    assert str(caught.value) == f"{folder / 't10k-labels-idx1-ubyte.gz'}: no such file{FIX}"


@pytest.mark.parametrize("damage", [same_size, lambda content: content[:-3], lambda _: b""])
def test_a_wrong_checksum_is_told_with_file_expected_and_found(
    put: Put, small: dict, tmp_path: Path, damage: Callable[[bytes], bytes]
):
    name = "train-images-idx3-ubyte.gz"
    damaged = damage(small["mnist"][name])
    folder = put(tmp_path / "mnist", train_images=damaged)
    with pytest.raises(DataError) as caught:
        read_verified("mnist", tmp_path)
    expected = catalog.CATALOG["mnist"].files[0].sha256
    found = hashlib.sha256(damaged).hexdigest()
    text = f"{folder / name}: wrong checksum: expected SHA-256 {expected}, found {found}{FIX}"
    assert str(caught.value) == text


def test_of_a_file_that_is_too_long_no_more_is_read_than_shows_it(put: Put, small: dict, tmp_path: Path):
    name = "train-images-idx3-ubyte.gz"
    folder = put(tmp_path / "mnist", train_images=b"?")
    os.truncate(folder / name, 1 << 26)  # a hole: it takes no room on the disk
    tracemalloc.start()
    try:
        with pytest.raises(DataError) as caught:
            read_verified("mnist", tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 25
    finally:
        tracemalloc.stop()
    size = len(small["mnist"][name])
    assert str(caught.value) == f"{folder / name}: holds more than the {size} bytes it should{FIX}"


def test_the_quick_look_goes_by_size_alone(put: Put, small: dict, tmp_path: Path):
    images = small["mnist"]["train-images-idx3-ubyte.gz"]
    put(tmp_path / "a", train_images=same_size(images))
    put(tmp_path / "b", train_images=images[:-1])
    assert locate("mnist", tmp_path / "a") == tmp_path / "a"
    assert locate("mnist", tmp_path / "b") is None


def test_a_sound_copy_in_the_cache_replaces_a_damaged_folder_and_says_so(
    put: Put, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    put(tmp_path / "mnist", test_images=b"damaged")
    cache = put(tmp_path / "cache/mnist")
    with caplog.at_level(logging.WARNING):
        where, _ = read_verified("mnist", tmp_path)
    assert where == cache
    assert len(caplog.messages) == 1
    assert "wrong checksum" in caplog.text
    assert str(cache) in caplog.text


def test_a_file_that_changes_after_it_was_read_is_read_again(put: Put, small: dict, tmp_path: Path):
    folder = put(tmp_path / "mnist")
    read_verified("mnist", tmp_path)
    name = "train-labels-idx1-ubyte.gz"
    before = (folder / name).stat()
    (folder / name).write_bytes(same_size(small["mnist"][name]))
    os.utime(folder / name, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000))
    with pytest.raises(DataError, match="wrong checksum"):
        read_verified("mnist", tmp_path)


def test_an_unchanged_file_is_read_once(put: Put, tmp_path: Path):
    put(tmp_path / "mnist")
    _, first = read_verified("mnist", tmp_path)
    _, again = read_verified("mnist", tmp_path)
    assert all(first[role] is again[role] for role in first)


def test_something_unreadable_in_a_files_place(put: Put, tmp_path: Path):
    folder = put(tmp_path / "mnist", test_images=None)
    (folder / "t10k-images-idx3-ubyte.gz").mkdir()
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte.gz: cannot be read \(Is a directory\)"):
        read_verified("mnist", tmp_path)


def test_a_mistyped_data_dir_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match=r"data_dir is '.*nowhere', which is not a folder"):
        locate("mnist", tmp_path / "nowhere")


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="dataset is 'mnits'; allowed: mnist, fashion-mnist; did you mean 'mnist'"):
        locate("mnits")
