import errno
import os

import pytest

from sottovoce.errors import StoreError
from sottovoce.runs.disk import store_errors, write_atomically


def names(folder):
    return sorted(os.listdir(folder))


def test_writes_and_replaces_and_makes_the_folder(tmp_path):
    file = tmp_path / "a" / "b"
    for content in (b"one", b"two"):
        write_atomically(file, content)
        assert file.read_bytes() == content
    assert names(file.parent) == ["b"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_write_leaves_the_older_file_and_nothing_else(tmp_path, monkeypatch, call, error):
    file = tmp_path / "a"
    write_atomically(file, b"older")

    def fail(*_):
        raise error

    monkeypatch.setattr(os, call, fail)
    expected = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else StoreError
    with pytest.raises(expected) as raised:
        write_atomically(file, b"newer")
    assert (names(tmp_path), file.read_bytes()) == (["a"], b"older")
    if expected is StoreError:
        assert str(raised.value) == (
            f"cannot use {file}: No space left on device; what was saved is kept; "
            "free some space and run the same command again"
        )


def test_a_file_in_the_way_of_the_folder_is_named(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(StoreError, match=r"a/b.*choose another folder"):
        write_atomically(tmp_path / "a" / "b", b"")


def test_other_errors_pass(tmp_path):
    with pytest.raises(ZeroDivisionError), store_errors(tmp_path):
        raise ZeroDivisionError
