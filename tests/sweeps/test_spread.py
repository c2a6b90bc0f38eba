"""A sweep of two hundred chunks in four shards on separate disks, one of them killed, and by array jobs."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from quick_experiment import Quick

import sottovoce as sv
from documents import ROOT, indented, offline
from sottovoce import sweeps
from sottovoce.cli.main import main
from sottovoce.lab import registry
from sottovoce.running.run import Execution
from sottovoce.sweeps.running import Done

SCALES = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]
WORDS = ["sweep", "quick", "--over", f"scale={','.join(map(str, SCALES))}", "--members", "20", "--chunk", "1"]
PROCESS = [sys.executable, str(Path(__file__).with_name("quick_experiment.py"))]


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.ADDED, "quick", Quick())


def chunks(out: Path) -> dict[str, bytes]:
    return {str(file.relative_to(out)): file.read_bytes() for file in sorted(out.glob("runs/*/chunks/*.h5"))}


def load(out: Path):
    return sv.sweep("quick", {"scale": SCALES}, execution=Execution(out=out, chunk=1, quiet=True), members=20)


def killed_after_some_chunks(words: list[str], out: Path) -> None:
    """Start a shard in a process of its own and kill it while it computes."""
    environment = {**os.environ, "QUICK_SECONDS": "0.05"}
    with subprocess.Popen([*words, "--out", str(out)], env=environment, stderr=subprocess.DEVNULL) as process:
        while len(chunks(out)) < 5:
            assert process.poll() is None, "it ended before it was killed"
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL


def test_two_hundred_chunks_by_four_shards_in_four_folders_are_the_serial_run_bit_for_bit(tmp_path, capsys):
    serial = load(tmp_path / "serial")
    folders = [tmp_path / f"disk{index}" for index in range(1, 5)]
    for index, out in enumerate(folders, start=1):
        words = [*WORDS, "--shard", f"{index}/4", "--quiet", "--json"]
        if index == 2:
            killed_after_some_chunks([*PROCESS, *words], out)
            survivors = chunks(out)
            done = subprocess.run([*PROCESS, *words, "--out", str(out)], check=True, capture_output=True, text=True)
            told = json.loads(done.stdout)
            assert told["computed"] == 50 - len(survivors), "what was finished is not computed again"
            assert survivors.items() <= chunks(out).items()
        else:
            main([*words, "--out", str(out)])
            told = json.loads(capsys.readouterr().out)
        assert (told["members"], told["missing"]) == (50, 150)
    parts = [chunks(out) for out in folders]
    assert sum(map(len, parts)) == 200
    main(["merge", *map(str, folders), "--out", str(tmp_path / "merged")])
    assert (
        chunks(tmp_path / "merged") == chunks(tmp_path / "serial") == {k: v for part in parts for k, v in part.items()}
    )
    merged = load(tmp_path / "merged")
    assert merged.attrs["cached"] == 1
    assert merged.identical(serial.assign_attrs(cached=1))
    assert merged["draw"].values.tobytes() == serial["draw"].values.tobytes()


# A queue of one machine: it reads the script's own --array and runs the script once per index.
SBATCH = r"""#!/bin/bash
script=$1; shift
read -r first last < <(sed -n 's/^#SBATCH --array=\([0-9]*\)-\([0-9]*\)$/\1 \2/p' "$script")
for index in $(seq "$first" "$last"); do
    SLURM_ARRAY_TASK_ID=$index SLURM_ARRAY_TASK_COUNT=$((last - first + 1)) bash "$script" "$@" || exit
done
"""
# Writes down what it is called with.
ECHO = """#!/bin/bash
printf '%s\n' "$*" >> "$HOME/called"
"""
SHARDS = re.search(r"^## Shards\n(.*?)^## ", (ROOT / "docs" / "running.md").read_text(encoding="utf-8"), re.M | re.S)[1]
COMMANDS = [line.strip() for block in indented(SHARDS) for line in block.splitlines()]


def program(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)
    return file.parent


def submit(words: list[str], folder: Path) -> list[str]:
    """Run an sbatch line where sbatch runs every task at once; return what the tasks print."""
    environment = offline()
    path = f"{program(folder / 'bin' / 'sbatch', SBATCH)}:{environment['PATH']}"
    done = subprocess.run(
        words, cwd=ROOT, env={**environment, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_array_jobs_give_what_one_process_gives(tmp_path):
    words = [
        "sweep",
        "toy",
        "--over",
        "hidden=4,5",
        "--generator",
        "gaussian",
        "--draws",
        "5",
        "--members",
        "4",
        "--out",
    ]
    told = submit(["sbatch", "examples/slurm_array.sh", *words, str(tmp_path / "out")], tmp_path)
    assert [line.partition(":")[0] for line in told] == [f"shard {i}/4 of sweep toy" for i in range(1, 5)]
    assert "all 8 members are here" in told[-1]
    fields = {"generator": "gaussian", "draws": 5, "members": 4}
    array, serial = (
        sv.sweep("toy", {"hidden": [4, 5]}, execution=Execution(out=tmp_path / name, quiet=True), **fields)
        for name in ("out", "serial")
    )
    assert array.attrs["cached"] == 1
    assert array.identical(serial.assign_attrs(cached=1))


def shard_of(command: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give one of our commands to the command line, which computes nothing; return the shard that it reads."""
    asked = []
    monkeypatch.setattr(sweeps, "run_shard", lambda planned, _: asked.append(planned.shard) or Done("", 0, 0, 0, 0))
    main([*command.split()[1:], "--quiet"])
    return str(asked.pop())


def test_commands_of_the_page_are_accepted(monkeypatch, tmp_path, capsys):
    ours = [command for command in COMMANDS if command.startswith("sottovoce ")]
    assert [shard_of(command, monkeypatch) for command in ours[:2]] == ["1/4", "2/4"]
    (submitted,) = (command for command in COMMANDS if command.startswith("sbatch examples/slurm_array.sh "))
    assert shard_of(f"{submitted.removeprefix('sbatch ')} --shard 3/4", monkeypatch) == "3/4"
    monkeypatch.chdir(tmp_path)
    for index in range(1, 5):
        sv.run("quick", execution=Execution(out=Path(f"disk{index}"), quiet=True), seed=index, members=1)
    main(ours[2].split()[1:])
    assert capsys.readouterr().out.count("1 members taken, 0 already there, 0 refused") == 4
    assert len(ours) == 3


def test_the_recipe_gives_every_machine_its_shard_and_the_page_brings_all_back(monkeypatch, tmp_path):
    recipe = yaml.safe_load((ROOT / "examples" / "skypilot.yaml").read_text(encoding="utf-8"))
    assert recipe.keys() == {"name", "num_nodes", "resources", "workdir", "setup", "run"}
    program(tmp_path / "venv" / "bin" / "sottovoce", ECHO)
    n = recipe["num_nodes"]
    for rank in range(n):
        machine = {**os.environ, "HOME": str(tmp_path), "SKYPILOT_NODE_RANK": str(rank), "SKYPILOT_NUM_NODES": str(n)}
        subprocess.run(["bash", "-euc", recipe["run"]], env=machine, check=True)
    called = (tmp_path / "called").read_text().splitlines()
    shards = [shard_of(f"sottovoce {words}", monkeypatch) for words in called]
    assert shards == [f"{index}/{n}" for index in range(1, n + 1)]
    assert all(f"--out {tmp_path}/out " in words for words in called)
    fetched = [command.split()[-2:] for command in COMMANDS if command.startswith("rsync ")]
    assert fetched == [[f"shards{f'-worker{i}' if i else ''}:out/", f"disk{i + 1}"] for i in range(n)]
    assert "sky launch --cluster shards examples/skypilot.yaml" in COMMANDS
