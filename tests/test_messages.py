"""Every kind of failure, provoked as a user meets it: its message names the value, what is allowed and a fix."""

import gzip
import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import sottovoce as sv
from sottovoce import errors
from sottovoce.cli.main import CLOSED_PIPE, main
from sottovoce.runs.execution import Interrupted

TINY = "--dataset digits --members 2 --width 8 --teacher-epochs 1 --student-epochs 1 --n-inputs 64"


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder, without datasets in the cache or elsewhere."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("sottovoce.data.folders.cache_folder", lambda: tmp_path / "cache")
    monkeypatch.delenv("SOTTOVOCE_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def nothing(_: pytest.MonkeyPatch) -> None:
    """Prepare nothing."""


def a_damaged_file(_: pytest.MonkeyPatch) -> None:
    Path("files").mkdir()
    for stem in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        Path("files", f"{stem}-ubyte.gz").write_bytes(gzip.compress(b"no digits"))


def a_file_in_the_way(_: pytest.MonkeyPatch) -> None:
    Path("taken").write_text("a file where a folder is wanted")


def a_newer_store(_: pytest.MonkeyPatch) -> None:
    sv.run("toy", draws=3, members=1)
    (file,) = Path("out/runs").glob("toy-*/run.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"format": 99}))


def weights(_: pytest.MonkeyPatch) -> None:
    np.savez("mine.npz", trunk=np.ones((3, 3)), bias=np.ones(3))
    np.savez("biases.npz", bias=np.ones(3))


def objects(_: pytest.MonkeyPatch) -> None:
    np.save("objects.npy", np.array([{"could": "run code"}]), allow_pickle=True)


def ctrl_c(patch: pytest.MonkeyPatch) -> None:
    def pressed(*_: object) -> None:
        raise KeyboardInterrupt

    patch.setattr("sottovoce.experiments.toy.simulate.simulate", pressed)


def an_impatient_client(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("sottovoce.running.cluster.engine.CONNECT_SECONDS", 0.3)


# What a user types, what stands ready, the kind of failure, and what its message must say.
USAGE = [
    ("rnu", "command is 'rnu'; allowed: reproduce, run, sweep; did you mean 'run'?"),
    ("run trasnfer", "experiment is 'trasnfer'; allowed: toy, toy_training; did you mean 'transfer'?"),
    ("sweep transfer --over n_auxx=2,3", "field is 'n_auxx'; allowed: dataset, members; did you mean 'n_aux'?"),
    ("sweep transfer --over n_aux=two", "n_aux is 'two'; allowed: a whole number"),
    ("sweep toy", "over fields; or over a list of points; give one of the two"),
    ("run transfer --dataset mnits", "dataset is 'mnits'; allowed: auto, digits, mnist; did you mean 'mnist'?"),
    (
        "run transfer --dataset digits --inputs unifrom",
        "inputs is 'unifrom'; allowed: uniform; mean 'uniform'?",
    ),
    ("run spectrum --dataset digits --variant publishd", "variant is 'publishd'; described; did you mean 'published'?"),
    ("run sharing --dataset digits --blocks trunk_0 class_haed", "class_haed; trunk_0; did you mean 'class_head'?"),
    ("run toy --generator gausian", "generator is 'gausian'; allowed: post, gaussian; did you mean 'gaussian'?"),
    ("run transfer --dataset digits --n-aux 1", "n_aux is 1; kl; gradient is exactly zero; 2 or more"),
    ("run transfer --dataset digits --members 0", "members is 0; allowed: 1 or more"),
    ("run transfer --dataset digits --learning-rate -1", "learning_rate is -1.0; allowed: a positive number"),
    ("run transfer --dataset digits --device tpu", "--device is 'tpu'; allowed: auto, cpu, gpu"),
    ("run transfer --dataset mnist --data-dir nowhere", "data_dir is 'nowhere'; not a folder; name one that holds"),
    ("run toy --chunk 0 --members 3", "--chunk is 0; allowed: 1 or more"),
    ("run toy --shard 5/4", "--shard is '5/4'; allowed: i/n"),
    ("merge nowhere --out here", "source is 'nowhere'; allowed: a folder that holds runs/"),
    ("merge --out here", "merge names no source; allowed: one folder"),
    ("run toy --executor dsak", "--executor is 'dsak'; allowed: local, dask; did you mean 'dask'?"),
    ("run toy --workers 2", "--workers is 2; add --executor dask"),
    ("show nothing", "run is 'nothing'"),
    ("report", "no saved run; out/runs; sottovoce reproduce"),
    ("data fetch mnits", "dataset is 'mnits'; allowed: mnist, fashion-mnist; did you mean 'mnist'?"),
    ("measure spectrum mine.npz --layer trnk", "layer is 'trnk'; allowed: trunk, bias; did you mean 'trunk'?"),
    ("measure spectrum mine.npz --orientation input_ouput", "input_ouput; output_input; did you mean 'input_output'?"),
    ("measure spectrum mine.pkl", "mine.pkl; allowed: .npz, .npy"),
    ("measure directions mine.npz --null norml", "null is 'norml'; allowed: normal; did you mean 'normal'?"),
]
OTHERS: list[tuple[str, Callable[..., None], type[errors.SottovoceError], str]] = [
    (
        "run transfer --dataset mnist",
        nothing,
        errors.DataError,
        "mnist: train-images-idx3-ubyte.gz; in none of; fix: sottovoce data fetch mnist",
    ),
    (
        "run transfer --dataset mnist --data-dir files",
        a_damaged_file,
        errors.DataError,
        "train-images-idx3-ubyte.gz; expected SHA-256 440fcabf; found; fix: sottovoce data fetch mnist",
    ),
    ("measure spectrum nowhere.npz", nothing, errors.DataError, "nowhere.npz is not there"),
    ("measure spectrum biases.npz", weights, errors.DataError, "biases.npz holds no matrix; it holds bias"),
    ("measure spectrum objects.npy", objects, errors.DataError, "objects.npy cannot be read as .npy"),
    ("run toy --out taken", a_file_in_the_way, errors.StoreError, "cannot use taken/runs; choose another folder"),
    (
        "run toy --draws 3 --members 1",
        a_newer_store,
        errors.StoreError,
        "written by a newer sottovoce; store format 99, here 1; upgrade sottovoce",
    ),
    (
        f"run transfer {TINY} --learning-rate 1e30",
        nothing,
        errors.DivergenceError,
        "2 of 2 members diverged; non-finite loss; more than a tenth: 0, 1; saved in out/runs; lower learning rate",
    ),
    (
        "run toy --executor dask --scheduler tcp://127.0.0.1:9",
        an_impatient_client,
        errors.ClusterError,
        "no scheduler answers at tcp://127.0.0.1:9; dask scheduler --host; 0 of 4 members are safe in out/runs",
    ),
    (
        "merge out --out here",
        a_newer_store,
        errors.StoreError,
        "1 runs, chunks or parts of chunks were not brought over; named above",
    ),
    ("run toy", ctrl_c, Interrupted, "interrupted: 0 of 4 members are safe in out/runs; run the same command again"),
]
CASES = [(words, weights, errors.UsageError, said) for words, said in USAGE] + OTHERS


@pytest.mark.parametrize(("words", "ready", "kind", "said"), CASES, ids=[case[0][:50] for case in CASES])
def test_message_names_value_allowed_and_fix(
    words: str, ready: Callable[..., None], kind: type, said: str, capsys, monkeypatch
):
    ready(monkeypatch)
    with pytest.raises(SystemExit) as stop:
        main([*words.split(), *(["--quiet"] if words.startswith("run ") else [])])
    message = capsys.readouterr().err
    assert stop.value.code == kind.exit_code
    assert message.startswith("error: ")
    assert message.count("\n") == 1, "one line"
    for part in said.split("; "):
        assert part in message
    with pytest.raises(kind):
        main([*words.split(), "--debug"])


def test_every_kind_of_failure_is_provoked():
    kinds = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.SottovoceError)}
    assert {case[2] for case in CASES} >= kinds - {errors.SottovoceError}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: sv.run("trasnfer"), "did you mean 'transfer'?"),
        (lambda: sv.run("transfer", n_auxx=3), "field is 'n_auxx'"),
        (lambda: sv.sweep("transfer", {"objectiv": ["kl"]}), "did you mean 'objective'?"),
        (lambda: sv.load_dataset("digit"), "did you mean 'digits'?"),
    ],
)
def test_python_says_the_same(call: Callable[[], object], said: str):
    with pytest.raises(errors.UsageError) as caught:
        call()
    assert said in str(caught.value)


def test_a_missing_dataset_leaves_nothing_behind(bare: Path):
    with pytest.raises(errors.DataError):
        sv.run("transfer", dataset="mnist")
    assert not (bare / "out").exists()


@pytest.mark.parametrize("words", ["--help", "run transfer --help", "list"])
def test_a_closed_pipe_is_no_failure_to_speak_of(words: str, bare: Path):
    # The reader is gone before the first byte: what `| head -1` does to a command that prints for longer.
    command = [sys.executable, "-c", f"from sottovoce.cli.main import main; main({words.split()!r})"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait() == CLOSED_PIPE
    assert said == ""
