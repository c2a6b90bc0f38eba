import json
import logging

import numpy as np
import pytest
import xarray as xr
from fake_experiment import Config, Fake
from hypothesis import given, settings
from hypothesis import strategies as st

from sottovoce.errors import StoreError
from sottovoce.runs.identity import run_header
from sottovoce.runs.store import IncompleteRunError, RunFolder, chunk_name

HEADER = run_header("fake", 1, Config(members=6))


@pytest.fixture
def folder(tmp_path):
    folder = RunFolder.of(tmp_path, HEADER)
    folder.prepare(HEADER)
    return folder


def save(folder, first, last, **changes):
    span = range(first, last + 1)
    folder.save(span, Fake().simulate(Config(**changes), span), {"first": first})


def chunk(folder, first, last):
    return folder.chunks / f"{chunk_name(range(first, last + 1))}.h5"


def test_names_say_what_is_inside(folder):
    save(folder, 0, 3)
    assert folder.path.name == f"fake-{HEADER['identity'][:12]}"
    assert sorted(file.name for file in folder.chunks.iterdir()) == [
        "members-000000-000003.h5",
        "members-000000-000003.json",
    ]
    assert json.loads((folder.path / "run.json").read_text()) == {"format": 1, **HEADER}
    assert folder.provenance() == [{"first": 0}]


def test_missing_is_known_from_names_alone(folder):
    folder.chunks.mkdir()
    chunk(folder, 1, 2).touch()
    chunk(folder, 1_234_567, 1_234_568).touch()
    (folder.chunks / "members-000004-000005.h5.tmp").touch()
    assert folder.missing([0, 1, 2, 4, 1_234_568]) == [0, 4]


@settings(deadline=None, max_examples=15)
@given(st.data())
def test_any_members_from_any_chunks_are_the_members_asked_for(tmp_path_factory, data):
    bounds = data.draw(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 3)), min_size=1, max_size=4))
    folder = RunFolder.of(tmp_path_factory.mktemp("root"), HEADER)
    folder.prepare(HEADER)
    for first, more in bounds:
        save(folder, first, first + more)
    held = sorted({first + k for first, more in bounds for k in range(more + 1)})
    wanted = data.draw(st.lists(st.sampled_from(held), min_size=1, unique=True))
    loaded = folder.load(wanted)
    del loaded.attrs["identity"]
    xr.testing.assert_identical(loaded, Fake().simulate(Config(), wanted))
    with pytest.raises(IncompleteRunError, match="lacks 1 members, from 99 on"):
        folder.load([*wanted, 99])


@pytest.mark.parametrize("damage", [lambda data: data[:-100], lambda data: data[:40] + b"?" + data[41:], lambda _: b""])
def test_a_damaged_chunk_is_set_aside_and_nothing_else(folder, caplog, damage):
    save(folder, 0, 1)
    save(folder, 2, 3)
    file = chunk(folder, 0, 1)
    file.write_bytes(damage(file.read_bytes()))
    with caplog.at_level(logging.WARNING), pytest.raises(IncompleteRunError, match="lacks 2 members, from 0"):
        folder.load(range(4))
    assert "is damaged" in caplog.text
    assert file.with_suffix(".damaged").exists()
    assert folder.missing(range(4)) == [0, 1]
    assert folder.load([2, 3]).sizes["member"] == 2


def test_a_damaged_chunk_whose_members_another_holds_is_not_missed(folder):
    save(folder, 0, 1)
    save(folder, 0, 3)
    chunk(folder, 0, 1).write_bytes(b"")
    assert folder.load(range(4))["member"].values.tolist() == [0, 1, 2, 3]


def test_a_chunk_of_another_run_or_of_other_members_is_not_believed(folder, tmp_path):
    other = RunFolder.of(tmp_path, run_header("fake", 2, Config()))
    other.prepare(run_header("fake", 2, Config()))
    save(other, 0, 1)
    save(folder, 2, 3)
    chunk(folder, 0, 1).write_bytes(chunk(other, 0, 1).read_bytes())
    chunk(folder, 4, 5).write_bytes(chunk(folder, 2, 3).read_bytes())
    with pytest.raises(IncompleteRunError, match="lacks 4"):
        folder.load(range(6))
    assert folder.missing(range(6)) == [0, 1, 4, 5]


def test_what_all_members_share_must_be_the_same(folder):
    save(folder, 0, 1)
    save(folder, 2, 3, rate=0.2)
    with pytest.raises(StoreError, match=r"disagree about what all members share.*grid.*refresh"):
        folder.load(range(4))


@pytest.mark.parametrize("members", [[0, 2], [1, 0], [0], [0, 1, 2]])
def test_other_members_than_asked_for_are_not_saved(folder, members):
    dataset = Fake().simulate(Config(), members)
    with pytest.raises(StoreError, match="asked for members 0 to 1"):
        folder.save(range(2), dataset, {})
    assert folder.spans() == []
    with pytest.raises(StoreError, match="returned None"):
        folder.save(range(2), xr.Dataset({"a": ("member", np.zeros(2))}), {})


def test_a_newer_format_is_left_alone(folder):
    file = folder.path / "run.json"
    text = json.dumps(json.loads(file.read_text()) | {"format": 2})
    file.write_text(text)
    for use in (folder.header, lambda: folder.prepare(HEADER), lambda: folder.load([0])):
        with pytest.raises(StoreError, match=r"newer sottovoce \(store format 2, here 1\); upgrade"):
            use()
    assert file.read_text() == text


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "1"}'])
def test_an_unreadable_run_file_is_named(folder, content):
    (folder.path / "run.json").write_text(content)
    with pytest.raises(StoreError, match=r"run\.json does not describe a run"):
        folder.prepare(HEADER)


def test_a_folder_of_another_configuration_is_refused(folder):
    with pytest.raises(StoreError, match="another configuration"):
        folder.prepare({**HEADER, "identity": HEADER["identity"][:12] + 52 * "0"})


def test_forget_removes_only_chunks_with_these_members(folder):
    for first in (0, 2, 4):
        save(folder, first, first + 1)
    folder.forget([1, 2])
    assert folder.spans() == [range(4, 6)]
