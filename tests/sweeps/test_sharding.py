"""Shards of a sweep: disjoint, together everything, equal in work, and the same results as one process."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sottovoce as sv
from sottovoce import sweeps
from sottovoce.cli.main import main
from sottovoce.errors import UsageError
from sottovoce.running.run import Execution
from sottovoce.sweeps import sharding
from sottovoce.sweeps.sharding import Shard

POINTS = st.lists(st.tuples(st.floats(1e-6, 1e6), st.integers(1, 20)), min_size=1, max_size=12)


@given(POINTS, st.integers(1, 50))
def test_shards_are_disjoint_and_together_everything_and_equal_to_within_one_member(points, n):
    works, members = zip(*points, strict=True)
    parts = [sharding.spans(works, members, Shard(i, n)) for i in range(1, n + 1)]
    for point, count in enumerate(members):
        assert [member for part in parts for member in part[point]] == list(range(count))
    lengths = [sum(work * len(span) for work, span in zip(works, part, strict=True)) for part in parts]
    total = np.dot(works, members)
    # Either cut misses by at most half of the member it meets; the rest is the rounding of sums of 240 terms.
    assert max(abs(length - total / n) for length in lengths) <= max(works) + 1e-12 * total


def test_the_whole_is_the_only_shard_of_one():
    assert sharding.spans([1.0, 5.0], [3, 2], sharding.WHOLE) == (range(3), range(2))


def test_costly_points_have_fewer_members_in_a_shard():
    planned = sweeps.plan("transfer", {"width": [64, 256]}, dataset="digits", members=12)
    narrow, wide = (sharding.member_work(planned.experiment, config) for config in planned.configs)
    assert 2 * narrow < wide < 8 * narrow
    first, second = (replace(planned, shard=Shard(i, 2)).spans for i in (1, 2))
    assert first[0] == range(12)
    assert 0 < len(first[1]) < 6
    assert len(second[0]) == 0


def test_where_nothing_is_trained_members_count_alike():
    for name, over in (("toy", {"hidden": [3, 300]}), ("inputs", {"n_inputs": [100, 1000]})):
        planned = sweeps.plan(name, over, **({"generator": "gaussian"} if name == "toy" else {"dataset": "digits"}))
        assert len({sharding.member_work(planned.experiment, config) for config in planned.configs}) == 1


@pytest.mark.parametrize("text", ["1/4", "4/4", "1/1", "007/010"])
def test_a_shard_is_read(text):
    index, n = map(int, text.split("/"))
    assert Shard.read(text) == Shard(index, n)


@pytest.mark.parametrize(
    "text", ["0/4", "5/4", "1/0", "1", "/", "1/4/2", "-1/4", "1.0/4", " 1/4", "1/4\n", "\u0661/\u0664", ""]
)
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(UsageError) as caught:
        Shard.read(text)
    assert f"--shard is {text!r}; allowed: i/n" in str(caught.value)


WORDS = [
    "sweep",
    "toy",
    "--over",
    "hidden=4,5,6",
    "--generator",
    "gaussian",
    "--draws",
    "5",
    "--members",
    "7",
    "--chunk",
    "4",
]


def told(words, out, capsys):
    main([*words, "--quiet", "--json", "--out", str(out)])
    return json.loads(capsys.readouterr().out)


def test_shards_in_one_folder_compute_their_own_and_the_plain_command_computes_nothing(tmp_path, capsys):
    for index in (3, 1, 4, 2):
        done = told([*WORDS, "--shard", f"{index}/4"], tmp_path, capsys)
        assert done["title"] == f"shard {index}/4 of sweep toy"
        assert (done["computed"], done["total"]) == (done["members"], 21)
        # A shard that is started again finds its members there.
        again = told([*WORDS, "--shard", f"{index}/4"], tmp_path, capsys)
        assert again == {**done, "computed": 0}
    assert again["missing"] == 0
    fields = {"generator": "gaussian", "draws": 5, "members": 7}
    here = sv.sweep("toy", {"hidden": [4, 5, 6]}, execution=Execution(out=tmp_path, quiet=True), **fields)
    assert here.attrs["cached"] == 1
    alone = sv.sweep(
        "toy", {"hidden": [4, 5, 6]}, execution=Execution(out=tmp_path / "alone", chunk=7, quiet=True), **fields
    )
    assert here.drop_attrs().identical(alone.drop_attrs())


def test_shards_do_not_depend_on_what_is_on_disk(tmp_path, capsys):
    # Members of shard 1 that are there already do not move the cut: shard 2 computes its own and no more.
    sv.sweep("toy", {"hidden": [4]}, execution=Execution(out=tmp_path), generator="gaussian", draws=5, members=7)
    bare = told([*WORDS, "--shard", "2/2"], tmp_path / "bare", capsys)
    assert told([*WORDS, "--shard", "2/2"], tmp_path, capsys) == {**bare, "missing": 21 - 7 - bare["members"]}


def test_refresh_computes_the_shard_again_and_nothing_else(tmp_path, capsys):
    for index in (1, 2):
        told([*WORDS, "--shard", f"{index}/2"], tmp_path, capsys)
    files = {file: file.stat().st_mtime_ns for file in tmp_path.glob("runs/*/chunks/*.h5")}
    done = told([*WORDS, "--shard", "1/2", "--refresh"], tmp_path, capsys)
    assert (done["computed"], done["missing"]) == (done["members"], 0)
    renewed = [file for file, when in files.items() if file.stat().st_mtime_ns != when]
    # Of 11 members in chunks of 4 at most, seven are at the first point and four at the second.
    assert (len(renewed), len(files)) == (3, 6)


def test_one_run_is_a_sweep_of_one_point(tmp_path, capsys):
    words = ["run", "capture", "--hidden", "4", "--draws", "20", "--members", "5"]
    parts = [told([*words, "--shard", f"{index}/2"], tmp_path, capsys) for index in (1, 2)]
    assert [part["title"] for part in parts] == ["shard 1/2 of run capture", "shard 2/2 of run capture"]
    assert sorted(part["members"] for part in parts) == [2, 3]
    result = sv.run("capture", execution=Execution(out=tmp_path, quiet=True), hidden=4, draws=20, members=5)
    assert result.attrs["cached"] == 1


def test_a_shard_says_what_is_missing_and_when_all_is_there(tmp_path, capsys):
    for index, said in ((1, "10 of 21 members are missing here"), (2, "all 21 members are here")):
        main([*WORDS, "--quiet", "--out", str(tmp_path), "--shard", f"{index}/2"])
        printed = capsys.readouterr()
        assert said in printed.out
        assert printed.out.count("\n") == 1
        assert printed.err == ""
    main([*WORDS, "--out", str(tmp_path), "--shard", "2/2"])
    announced = capsys.readouterr().err
    assert announced.startswith("shard 2/2 of sweep toy: 2 points, 10 members, 0 to compute\n")


def test_more_shards_than_members_leave_some_without_work(tmp_path, capsys):
    words = ["run", "toy", "--draws", "3", "--members", "2"]
    members = [told([*words, "--shard", f"{index}/5"], tmp_path, capsys)["members"] for index in range(1, 6)]
    assert sorted(members) == [0, 0, 0, 1, 1]


def test_an_accelerators_chunk_may_not_reach_into_another_shard(tmp_path, capsys):
    words = ["run", "toy", "--draws", "3", "--members", "8", "--chunk", "8", "--shard", "2/2"]
    told(words, tmp_path, capsys)
    (file,) = tmp_path.glob("runs/*/chunks/*.h5")
    assert file.stem == "members-000004-000007"


def test_a_damaged_chunk_of_a_shard_is_computed_again_by_that_shard(tmp_path, capsys, caplog):
    words = ["run", "toy", "--draws", "3", "--members", "4", "--shard", "1/2"]
    told(words, tmp_path, capsys)
    file = min(tmp_path.glob("runs/*/chunks/*.h5"))
    whole = file.read_bytes()
    file.write_bytes(whole[:-200])
    told(words, tmp_path, capsys)
    assert "is damaged" in caplog.text
    assert file.read_bytes() == whole


def test_a_shard_in_a_process_of_its_own(tmp_path):
    command = [sys.executable, "-c", "from sottovoce.cli.main import main; main()", *WORDS, "--shard", "1/3", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["missing"] == 14
    assert len(list(tmp_path.glob("out/runs/*/chunks/*.h5"))) == 2
