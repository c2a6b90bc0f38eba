"""The catalog's facts, as far as they can be checked without the files."""

import pytest

from sottovoce.data.catalog import CATALOG, Collection, collection
from sottovoce.errors import UsageError


@pytest.mark.parametrize("entry", CATALOG.values(), ids=CATALOG.keys())
def test_an_entry_is_complete(entry: Collection):
    assert collection(entry.name) is entry
    assert [file.role for file in entry.files] == [
        "train_images",
        "train_labels",
        "test_images",
        "test_labels",
    ]
    assert len(set(entry.mirrors)) >= 2
    assert all(url.startswith("http") and url.endswith("/") for url in entry.mirrors)
    assert entry.size == sum(file.size for file in entry.files)
    assert entry.fix.endswith(f"sottovoce data fetch {entry.name}")
    assert entry.source
    assert entry.license


def test_no_two_files_have_the_same_checksum():
    checksums = [file.sha256 for entry in CATALOG.values() for file in entry.files]
    assert len(set(checksums)) == len(checksums) == 8
    assert all(len(checksum) == 64 and int(checksum, 16) for checksum in checksums)


def test_an_unknown_name_is_refused():
    with pytest.raises(UsageError, match="dataset is 'fashion'; allowed: mnist, fashion-mnist; did you mean"):
        collection("fashion")
