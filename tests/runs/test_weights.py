"""Files of weights belong to one network of one member of one run, and say so."""

import numpy as np
import pytest

from sottovoce.errors import StoreError
from sottovoce.runs import weights
from sottovoce.runs.identity import run_header
from sottovoce.runs.store import RunFolder

NETWORKS = {
    "teacher": {"trunk.0.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "trunk.0.bias": np.ones(3, np.float32)},
    "kl 2": {"trunk.0.weight": -np.arange(6, dtype=np.float32).reshape(2, 3).T},
}


@pytest.fixture
def make(tmp_path):
    def folder(name: str) -> RunFolder:
        header = run_header(name, 1, {"members": 2})
        made = RunFolder.of(tmp_path, header)
        made.prepare(header)
        return made

    return folder


def equal(one, other):
    return one.keys() == other.keys() and all(
        one[role].keys() == other[role].keys()
        and all(np.array_equal(one[role][name], other[role][name]) for name in one[role])
        for role in one
    )


def test_what_is_saved_is_loaded_a_file_for_each_network(make):
    folder = make("one")
    weights.save(folder, 3, NETWORKS)
    assert equal(weights.load(folder, 3, NETWORKS), NETWORKS)
    assert sorted(path.name for path in (folder.path / "weights" / "member-000003").iterdir()) == [
        "kl+2.safetensors",
        "teacher.safetensors",
    ]


def test_without_one_of_its_files_a_member_has_no_weights(make):
    folder = make("one")
    assert weights.load(folder, 3, NETWORKS) is None
    weights.save(folder, 3, NETWORKS)
    assert weights.load(folder, 4, NETWORKS) is None
    assert weights.load(folder, 3, [*NETWORKS, "student"]) is None


def test_weights_of_another_member_run_or_role_are_refused(make):
    folder, other = make("one"), make("other")
    weights.save(folder, 3, NETWORKS)
    saved = weights.file(folder, 3, "teacher")
    for to in (
        weights.file(folder, 4, "teacher"),
        weights.file(other, 3, "teacher"),
        weights.file(folder, 3, "reference"),
    ):
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(saved.read_bytes())
    for here, member, role in ((folder, 4, "teacher"), (other, 3, "teacher"), (folder, 3, "reference")):
        with pytest.raises(StoreError, match=r"belongs to another run, member or role; remove it, and it is made"):
            weights.load(here, member, [role])


def test_a_damaged_file_is_named(make):
    folder = make("one")
    weights.save(folder, 3, NETWORKS)
    file = weights.file(folder, 3, "teacher")
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(StoreError, match=r"teacher\.safetensors is damaged \(.*\); remove it, and it is made again"):
        weights.load(folder, 3, NETWORKS)


def test_forgotten_members_have_no_weights_and_the_others_keep_theirs(make):
    folder = make("one")
    for member in (3, 4):
        weights.save(folder, member, NETWORKS)
    weights.forget(folder, [3, 7])
    assert weights.load(folder, 3, NETWORKS) is None
    assert equal(weights.load(folder, 4, NETWORKS), NETWORKS)


def test_a_member_is_taken_from_several():
    stacked = {"teacher": {"w": np.arange(6).reshape(2, 3)}}
    np.testing.assert_array_equal(weights.of_member(stacked, 1)["teacher"]["w"], [3, 4, 5])


def test_no_two_roles_share_a_file(make):
    folder = make("one")
    roles = {
        role: {"w": np.full(1, i, np.float32)} for i, role in enumerate(["a b_c", "a_b c", "a b c", "a+b c", "a/b"])
    }
    weights.save(folder, 0, roles)
    assert equal(weights.load(folder, 0, roles), roles)
    assert len([*weights.file(folder, 0, "a b_c").parent.iterdir()]) == len(roles)
