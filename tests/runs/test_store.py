import errno
import json
import logging
import os

import numpy as np
import pytest
import xarray as xr
from fake_experiment import Config, Fake
from hypothesis import given, settings
from hypothesis import strategies as st

from sottovoce.errors import StoreError
from sottovoce.runs import chunks
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


def test_two_readers_may_set_the_same_damaged_chunk_aside(folder, monkeypatch):
    save(folder, 0, 1)
    chunk(folder, 0, 1).write_bytes(b"")
    replace = os.replace

    def overtaken(source, target):
        replace(source, target)
        replace(source, target)

    monkeypatch.setattr(os, "replace", overtaken)
    assert not folder.holds(range(2))
    assert sorted(os.listdir(folder.chunks)) == ["members-000000-000001.damaged", "members-000000-000001.json"]


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


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "1"}', '{"format": 1}'])
def test_an_unreadable_run_file_is_named(folder, content):
    (folder.path / "run.json").write_text(content)
    with pytest.raises(StoreError, match=r"run\.json does not describe a run"):
        folder.prepare(HEADER)


def test_a_run_folder_without_an_identity_is_neither_read_nor_written(folder):
    save(folder, 0, 1)
    data = chunk(folder, 0, 1).read_bytes()
    file = folder.path / "run.json"
    file.write_text(
        json.dumps({name: value for name, value in json.loads(file.read_text()).items() if name != "identity"})
    )
    before = sorted(folder.path.rglob("*"))
    for use in (
        lambda: folder.prepare(HEADER),
        lambda: folder.load([0]),
        lambda: folder.holds(range(2)),
        lambda: save(folder, 2, 3),
        lambda: folder.accept(range(2), data, {}),
    ):
        with pytest.raises(StoreError, match=r"run\.json does not describe a run: 'identity'"):
            use()
    assert sorted(folder.path.rglob("*")) == before


@pytest.mark.parametrize("write", ["save", "accept"])
def test_a_chunk_whose_provenance_cannot_be_written_is_not_there(folder, monkeypatch, write):
    dataset = Fake().simulate(Config(), range(2))
    sealed = chunks.sealed(range(2), dataset, HEADER["identity"])
    replace = os.replace

    def refuse(source, target):
        if str(target).endswith("members-000000-000001.json"):
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(StoreError, match="No space left on device"):
        getattr(folder, write)(range(2), dataset if write == "save" else sealed, {})
    assert os.listdir(folder.chunks) == []


@pytest.mark.parametrize(
    ("members", "identity", "damage"),
    [(range(2), HEADER["identity"], 1), (range(2), 64 * "0", 0), (range(1, 3), HEADER["identity"], 0)],
    ids=["damaged", "another run", "other members"],
)
def test_a_sealed_chunk_is_believed_only_if_it_is_the_one_asked_for(folder, members, identity, damage):
    data = chunks.sealed(members, Fake().simulate(Config(), members), identity)
    with pytest.raises(chunks.DamagedChunkError):
        folder.accept(range(2), data[: len(data) - damage], {})
    assert not folder.chunks.exists()
    sound = chunks.sealed(range(2), Fake().simulate(Config(), range(2)), HEADER["identity"])
    folder.accept(range(2), sound, {"first": 0})
    assert (chunk(folder, 0, 1).read_bytes(), folder.provenance()) == (sound, [{"first": 0}])


def test_two_writers_of_one_run_folder_both_go_on(tmp_path, monkeypatch):
    first, second = (RunFolder.of(tmp_path, HEADER) for _ in range(2))
    replace = os.replace

    def overtaken(source, target):
        # Just before the first writer's file gets its name, the second prepares the folder and clears it up.
        monkeypatch.setattr(os, "replace", replace)
        second.prepare(HEADER)
        second.remove_temporaries()
        replace(source, target)

    monkeypatch.setattr(os, "replace", overtaken)
    first.prepare(HEADER)
    assert first.header() == second.header() == {"format": 1, **HEADER}
    assert os.listdir(first.path) == ["run.json"]


def test_of_two_writers_of_different_runs_in_one_folder_the_later_is_refused(tmp_path, monkeypatch):
    folder = RunFolder.of(tmp_path, HEADER)
    replace = os.replace

    def overtaken(source, target):
        monkeypatch.setattr(os, "replace", replace)
        folder.prepare({**HEADER, "identity": HEADER["identity"][:12] + 52 * "0"})
        folder.remove_temporaries()
        replace(source, target)

    monkeypatch.setattr(os, "replace", overtaken)
    with pytest.raises(StoreError, match="another configuration"):
        folder.prepare(HEADER)


def test_a_run_file_that_cannot_be_written_is_an_error(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(StoreError, match=r"cannot use .*run\.json: No space left on device"):
        RunFolder.of(tmp_path, HEADER).prepare(HEADER)


def test_a_folder_of_another_configuration_is_refused(folder):
    with pytest.raises(StoreError, match="another configuration"):
        folder.prepare({**HEADER, "identity": HEADER["identity"][:12] + 52 * "0"})


def test_forget_removes_only_chunks_with_these_members(folder):
    for first in (0, 2, 4):
        save(folder, first, first + 1)
    folder.forget([1, 2])
    assert folder.spans() == [range(4, 6)]
