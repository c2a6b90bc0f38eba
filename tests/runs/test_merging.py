"""Merging: what is verified comes over, what is there stays, what is refused is named, and sources are not touched."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from fake_experiment import Config, Fake, bytes_of, hold_claim, start

from sottovoce.cli.main import main
from sottovoce.errors import StoreError, UsageError
from sottovoce.runs.chunks import encode
from sottovoce.runs.execution import Interrupted, execute
from sottovoce.runs.identity import run_header
from sottovoce.runs.merging import merge
from sottovoce.runs.store import RunFolder, chunk_name

CONFIG = Config(members=8)
HEADER = run_header("fake", 1, CONFIG)


class Rounded(Fake):
    """The experiment on a machine that rounds otherwise: some members, or what all members share, in the last bit."""

    def __init__(self, members=(), *, shared=False):
        super().__init__()
        object.__setattr__(self, "members", members)
        object.__setattr__(self, "shared", shared)

    def simulate(self, config, members):
        dataset = super().simulate(config, members)
        moved = [member in self.members for member in members]
        dataset["draws"][moved] = np.nextafter(dataset["draws"][moved], np.float32(9))
        if self.shared:
            dataset["grid"] = np.nextafter(dataset["grid"], 9.0)
        return dataset


def folder(root):
    return RunFolder.of(root, HEADER)


def fill(root, *spans, experiment=None):
    """Save spans of members, each as one chunk."""
    for span in spans:
        execute(experiment or Fake(), CONFIG, span, root=root, chunk_size=len(span))
    return root


def contents(root):
    return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*.*") if file.is_file()}


def chunks(root):
    return {name: data for name, data in contents(root).items() if "/chunks/" in name}


def damage(root, span):
    file = folder(root).chunks / f"{chunk_name(span)}.h5"
    file.write_bytes(file.read_bytes()[:-300])
    return file


def test_two_halves_are_the_whole_byte_for_byte_with_their_provenance(tmp_path):
    halves = fill(tmp_path / "a", range(2), range(2, 4)), fill(tmp_path / "b", range(4, 6), range(6, 8))
    before = [contents(half) for half in halves]
    tallies = [merge(half, tmp_path / "all") for half in halves]
    assert [(t.runs, t.chunks, t.taken, t.present, t.refused) for t in tallies] == 2 * [(1, 2, 4, 0, [])]
    assert chunks(tmp_path / "all") == chunks(halves[0]) | chunks(halves[1])
    assert len(folder(tmp_path / "all").provenance()) == 4
    merged = execute(Fake(), CONFIG, root=tmp_path / "all")
    assert merged.attrs["cached"] == 1
    assert bytes_of(merged) == bytes_of(execute(Fake(), CONFIG, root=tmp_path / "serial", chunk_size=2))
    assert [contents(half) for half in halves] == before


def test_merging_again_changes_nothing(tmp_path):
    fill(tmp_path / "a", range(3), range(3, 8))
    merge(tmp_path / "a", tmp_path / "all")
    before = contents(tmp_path / "all")
    again = merge(tmp_path / "a", tmp_path / "all")
    assert (again.taken, again.present, again.refused) == (0, 8, [])
    assert contents(tmp_path / "all") == before


def test_of_overlapping_chunks_only_the_missing_members_are_taken(tmp_path):
    fill(tmp_path / "all", range(2, 4), range(5, 6))
    fill(tmp_path / "a", range(8))
    tally = merge(tmp_path / "a", tmp_path / "all")
    assert (tally.taken, tally.present, tally.refused) == (5, 3, [])
    assert folder(tmp_path / "all").spans() == [range(2), range(2, 4), range(4, 5), range(5, 6), range(6, 8)]
    merged = execute(Fake(), CONFIG, root=tmp_path / "all")
    assert bytes_of(merged) == bytes_of(execute(Fake(), CONFIG, root=tmp_path / "a"))


def test_a_damaged_chunk_is_named_and_left_and_the_rest_comes(tmp_path):
    file = damage(fill(tmp_path / "a", range(2), range(2, 4), range(4, 8)), range(2, 4))
    tally = merge(tmp_path / "a", tmp_path / "all")
    assert tally.refused == [f"{file} is left out: its bytes are not those that were written"]
    assert (tally.chunks, tally.taken) == (3, 6)
    assert folder(tmp_path / "all").missing(range(8)) == [2, 3]
    assert file.exists()


def test_a_chunk_of_another_run_or_of_other_members_is_left(tmp_path):
    fill(tmp_path / "a", range(2))
    (own,) = folder(tmp_path / "a").chunks.glob("*.h5")
    own.with_name("members-000004-000005.h5").write_bytes(own.read_bytes())
    own.with_name("members-000006-999999999999.h5").write_bytes(own.read_bytes())
    other = execute(Fake(), Config(members=8, seed=1), range(2, 4), root=tmp_path / "b", chunk_size=2)
    (foreign,) = (tmp_path / "b").glob("*/chunks/*.h5")
    own.with_name(foreign.name).write_bytes(foreign.read_bytes())
    tally = merge(tmp_path / "a", tmp_path / "all")
    assert other.sizes["member"] == tally.taken == 2
    assert len([said for said in tally.refused if "another run or to other members" in said]) == 3


def test_a_good_chunk_is_never_overwritten_and_what_differs_is_named(tmp_path):
    fill(tmp_path / "all", range(4))
    fill(tmp_path / "a", range(2, 8), experiment=Rounded([3, 5]))
    before = chunks(tmp_path / "all")
    tally = merge(tmp_path / "a", tmp_path / "all")
    assert (tally.taken, tally.present) == (4, 1)
    (said,) = tally.refused
    assert "holds other values of members 3, which are kept" in said
    assert before.items() <= chunks(tmp_path / "all").items()
    # Member 3 is that of the folder, member 5 is what was brought.
    merged = execute(Fake(), CONFIG, root=tmp_path / "all")
    here, there = (fill(tmp_path / name, range(8), experiment=e) for name, e in (("h", Fake()), ("t", Rounded([5]))))
    assert merged["draws"].sel(member=3).equals(folder(here).load([3])["draws"].sel(member=3))
    assert merged["draws"].sel(member=5).equals(folder(there).load([5])["draws"].sel(member=5))
    assert not merged["draws"].sel(member=5).equals(folder(here).load([5])["draws"].sel(member=5))


def test_what_all_members_share_may_not_differ(tmp_path):
    # Taken, it would make the run one that cannot be read.
    fill(tmp_path / "all", range(4))
    fill(tmp_path / "a", range(4, 8), experiment=Rounded(shared=True))
    (said,) = merge(tmp_path / "a", tmp_path / "all").refused
    assert "holds other values of what all members share" in said
    assert folder(tmp_path / "all").missing(range(8)) == [4, 5, 6, 7]
    assert execute(Fake(), CONFIG, root=tmp_path / "all").sizes["member"] == 8


def test_a_damaged_chunk_that_is_there_gives_way_to_a_good_one(tmp_path):
    for name in ("a", "all"):
        fill(tmp_path / name, range(4), range(4, 8))
    file = damage(tmp_path / "all", range(4, 8))
    tally = merge(tmp_path / "a", tmp_path / "all")
    assert (tally.taken, tally.present, tally.refused) == (4, 4, [])
    assert file.with_suffix(".damaged").exists()
    # Provenance differs: each folder's chunks were computed at their own time.
    good = {name: data for name, data in chunks(tmp_path / "a").items() if name.endswith(".h5")}
    assert good.items() <= chunks(tmp_path / "all").items()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "written by a newer sottovoce (store format 2, here 1); upgrade"),
        ({"identity": 64 * "0"}, "its name and identity are not those of what run.json describes"),
        ({"config": {"members": 3}}, "its name and identity are not those"),
        ({"config": None}, "its name and identity are not those"),
        ({"version": 2}, "its name and identity are not those"),
        # A name that would lead out of the folder.
        ({"experiment": "../fake"}, "its name and identity are not those"),
    ],
)
def test_a_run_that_is_not_what_it_says_is_refused_and_the_others_come(tmp_path, change, said):
    execute(Fake(), Config(members=2, seed=1), root=tmp_path / "a")
    fill(tmp_path / "a", range(2))
    file = folder(tmp_path / "a").path / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    tally = merge(tmp_path / "a", tmp_path / "all")
    assert (tally.runs, tally.taken) == (2, 2)
    assert len(tally.refused) == 1
    assert said in tally.refused[0]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "all"]
    assert len(list((tmp_path / "all").iterdir())) == 1


def test_a_run_of_a_newer_store_is_not_merged_into(tmp_path):
    for name in ("a", "all"):
        fill(tmp_path / name, range(2))
    file = folder(tmp_path / "all").path / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"format": 2}))
    before = contents(tmp_path / "all")
    (said,) = merge(tmp_path / "a", tmp_path / "all").refused
    assert "all/fake" in said
    assert "newer sottovoce" in said
    assert contents(tmp_path / "all") == before


def test_provenance_that_cannot_be_read_is_not_lost_silently(tmp_path):
    fill(tmp_path / "a", range(2), range(2, 4), range(4, 6))
    first, second = sorted(folder(tmp_path / "a").chunks.glob("*.json"))[:2]
    first.write_text("{")
    second.unlink()
    (said,) = merge(tmp_path / "a", tmp_path / "all").refused
    assert "members-000000-000001.json does not say how its chunk was made" in said
    assert folder(tmp_path / "all").members() == [2, 3, 4, 5]


def test_runs_without_chunks_leave_no_folder(tmp_path):
    folder(tmp_path / "a").prepare(HEADER)
    assert merge(tmp_path / "a", tmp_path / "all").runs == 1
    assert not (tmp_path / "all").exists()


def test_members_that_another_process_computes_are_left_to_it(tmp_path):
    fill(tmp_path / "a", range(4))
    fill(tmp_path / "all", range(7, 8))
    owner = start(hold_claim, folder(tmp_path / "all"), range(2, 4), 2)
    try:
        tally = merge(tmp_path / "a", tmp_path / "all")
    finally:
        owner.kill()
        owner.join()
    assert tally.taken == 2
    assert tally.refused[0].endswith("another process is computing members 2, 3")
    assert merge(tmp_path / "a", tmp_path / "all").taken == 2


def test_interrupted_it_goes_on_when_repeated(tmp_path, monkeypatch):
    fill(tmp_path / "a", range(2), range(2, 4), range(4, 8))
    save = RunFolder.save

    def pressed(self, span, *rest):
        if 2 in span:
            os.kill(os.getpid(), signal.SIGINT)
        save(self, span, *rest)

    monkeypatch.setattr(RunFolder, "save", pressed)
    with pytest.raises(Interrupted, match=r"interrupted: 2 members are safe in .*all; run the same command again"):
        merge(tmp_path / "a", tmp_path / "all")
    monkeypatch.undo()
    again = merge(tmp_path / "a", tmp_path / "all")
    assert (again.taken, again.present) == (6, 2)


def test_a_source_must_be_another_folder(tmp_path):
    with pytest.raises(UsageError, match="source is 'nowhere'; allowed: a folder that holds runs/"):
        merge(Path("nowhere/runs"), tmp_path / "runs")
    fill(tmp_path / "runs", range(2))
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="which is merged into"):
        merge(tmp_path / "link" / "runs", tmp_path / "runs")


def test_a_target_that_cannot_be_written_is_an_error(tmp_path):
    fill(tmp_path / "a", range(2))
    (tmp_path / "all").write_text("a file")
    (said,) = merge(tmp_path / "a", tmp_path / "all").refused
    assert "cannot use" in said


def test_the_command_prints_what_it_did_and_its_exit_code_says_whether_all_came(tmp_path, capsys):
    for name, span in (("a", range(2)), ("b", range(2, 4))):
        fill(tmp_path / name / "runs", span)
    words = ["merge", str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(tmp_path / "all")]
    main(words)
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path / 'a' / 'runs'}: 1 runs, 1 chunks; 2 members taken, 0 already there, 0 refused",
        f"{tmp_path / 'b' / 'runs'}: 1 runs, 1 chunks; 2 members taken, 0 already there, 0 refused",
    ]
    damage(tmp_path / "a" / "runs", range(2))
    with pytest.raises(SystemExit) as stop:
        main(words)
    printed = capsys.readouterr()
    assert stop.value.code == StoreError.exit_code
    assert "0 members taken, 0 already there, 1 refused\n  " in printed.out
    assert "2 already there" in printed.out, "the second source is merged all the same"
    assert printed.err == "error: 1 runs, chunks or parts of chunks were not brought over; they are named above\n"


def test_a_chunk_without_members_is_no_chunk_of_the_run(tmp_path):
    fill(tmp_path / "a", range(2))
    (file,) = folder(tmp_path / "a").chunks.glob("*.h5")
    bare = folder(tmp_path / "a").load([0, 1]).drop_vars("member")
    file.write_bytes(encode(bare.assign_attrs(identity=HEADER["identity"])))
    (said,) = merge(tmp_path / "a", tmp_path / "all").refused
    assert "to other members" in said
