import os
from pathlib import Path

import pytest

from sottovoce.errors import UsageError
from sottovoce.runs.catalog import differences, find, runs


def make(root, name, age):
    (root / name / "chunks").mkdir(parents=True)
    os.utime(root / name / "chunks", (1e9 - age, 1e9 - age))


@pytest.fixture
def root(tmp_path):
    make(tmp_path, "toy-aaaaaaaaaaaa", 3)
    make(tmp_path, "toy-aaaabbbbbbbb", 1)
    make(tmp_path, "two-words-0123456789ab", 2)
    (tmp_path / "notes.txt").touch()
    return tmp_path


def test_newest_first_and_by_experiment(root):
    assert [run.name for run in runs(root)] == [
        "toy-aaaabbbbbbbb",
        "two-words-0123456789ab",
        "toy-aaaaaaaaaaaa",
    ]
    assert [run.short_identity for run in runs(root, "toy")] == ["aaaabbbbbbbb", "aaaaaaaaaaaa"]
    assert runs(root, "two-words")[0].experiment == "two-words"
    assert runs(root / "absent") == []


def test_a_thousand_runs_are_listed_without_opening_one(tmp_path, monkeypatch):
    for index in range(1000):
        (tmp_path / f"toy-{index:012x}").mkdir()

    def refuse(*_, **__):
        raise AssertionError("a file was opened")

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    monkeypatch.setattr("builtins.open", refuse)
    assert len(runs(tmp_path)) == 1000


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("toy-aaaaaaaaaaaa", "toy-aaaaaaaaaaaa"),
        ("toy", "toy-aaaabbbbbbbb"),
        ("aaaab", "toy-aaaabbbbbbbb"),
        ("0123456789ab" + 52 * "0", "two-words-0123456789ab"),
    ],
)
def test_found_by_name_experiment_or_identity(root, name, found):
    assert find(root, name).name == found


def test_not_found_and_ambiguous_are_explained(root):
    with pytest.raises(UsageError, match=r"'toy-aaaaaaaaaaab'.*did you mean 'toy-aaaaaaaaaaaa'"):
        find(root, "toy-aaaaaaaaaaab")
    with pytest.raises(UsageError, match="beginning of toy-aaaabbbbbbbb, toy-aaaaaaaaaaaa"):
        find(root, "aaa")
    with pytest.raises(UsageError, match="run is ''; allowed: the 3 runs"):
        find(root, "")


def test_differences_keep_what_varies():
    configs = [
        {"seed": 0, "rate": 1, "n_aux": 3},
        {"seed": 0, "rate": 2, "n_aux": 3},
        {"seed": 0, "n_aux": 3},
    ]
    assert differences(configs) == [{"rate": 1}, {"rate": 2}, {}]
    assert differences(configs[:1]) == [{}]
    assert differences([]) == []
