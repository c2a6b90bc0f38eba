"""The command line as a user meets it: exit codes, one-line errors, tables and JSON."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sottovoce.cli.main import main

SMALL = ["--dataset", "digits", "--members", "2", "--width", "16", "--teacher-epochs", "2", "--student-epochs", "1"]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("out")


def fails(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as stop:
        main(words)
    return int(stop.value.code or 0), capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["rnu"], ["command is 'rnu'", "did you mean 'run'?"]),
        (["run", "trasnfer"], ["experiment is 'trasnfer'", "did you mean 'transfer'?"]),
        (["run", "transfer", "--dataset", "digits", "--n-aux", "1"], ["n_aux is 1", "gradient is exactly zero"]),
        (["run", "transfer", "--dataset", "mnst"], ["dataset is 'mnst'", "'mnist'"]),
        (["run", "toy", "--objective", "kll"], ["objective is 'kll'", "did you mean 'kl'?"]),
        (["run", "transfer", "--dataset", "digits", "--device", "tpu"], ["--device is 'tpu'", "auto, cpu, gpu"]),
        (["show", "nothing"], ["run is 'nothing'"]),
    ],
)
def test_usage_errors_are_one_line_with_exit_code_2(
    words: list[str], parts: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    if words[0] in ("run", "show"):
        words = [*words, "--out", str(tmp_path)]
    if len(words) > 1 and words[1] == "trasnfer":
        words = words[:2]
    code, message = fails(words, capsys)
    assert code == 2
    assert message.startswith("error: ")
    assert message.count("\n") == 1
    assert all(part in message for part in parts), message


def test_misspelt_flag_names_the_nearest(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stop:
        main(["run", "transfer", "--n-au", "3"])
    assert stop.value.code == 2
    shown = capsys.readouterr()
    assert "--n-aux" in shown.out + shown.err


def test_no_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]):
    code, message = fails([], capsys)
    assert code == 2
    assert "reproduce" in message


def test_json_is_one_object_with_the_promised_keys(out: Path, capsys: pytest.CaptureFixture[str]):
    main(["run", "transfer", *SMALL, "--json", "--quiet", "--out", str(out)])
    printed = capsys.readouterr().out
    result = json.loads(printed)
    assert printed.count("\n") == 1
    assert set(result) == {"experiment", "config", "identity", "table"}
    assert result["experiment"] == "transfer"
    assert result["config"]["n_aux"] == 3
    assert [name for name, row in result["table"].items() if row["quantity"] == "test accuracy"] == [
        "reference",
        "teacher",
        "unrelated_teacher",
        "student",
        "student_all",
        "cross_model",
        "cross_model_all",
        "unrelated",
    ]
    for row in result["table"].values():
        assert {"mean", "ci95", "members", "published"} <= set(row)
        assert row["ci95"] == [None, None], "two members have no interval"
        assert row["members"] == 2
        assert row["published"] is None, "digits have no published value"


def test_a_second_run_says_cached_and_list_and_show_find_it(out: Path, capsys: pytest.CaptureFixture[str]):
    main(["run", "transfer", *SMALL, "--quiet", "--out", str(out)])
    assert "cached" in capsys.readouterr().out
    main(["list", "--out", str(out)])
    assert "transfer-" in capsys.readouterr().out
    main(["show", "transfer", "--out", str(out)])
    shown = json.loads(capsys.readouterr().out)
    assert shown["config"]["width"] == 16
    assert shown["provenance"][0]["versions"]["jax"]


def test_report_without_runs_says_how_to_make_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    code, message = fails(["report", str(tmp_path / "runs")], capsys)
    assert code == 2
    assert "sottovoce reproduce" in message


def test_data_list_and_doctor_name_every_dataset(capsys: pytest.CaptureFixture[str]):
    for words in (["data", "list"], ["doctor"]):
        main(words)
        printed = capsys.readouterr().out
        assert all(name in printed for name in ("digits", "mnist", "fashion-mnist"))


def test_the_package_is_the_command(tmp_path: Path):
    for words, code in ((["list"], 0), (["rnu"], 2)):
        command = [sys.executable, "-m", "sottovoce", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == code
        assert ("experiments" in done.stdout) == (code == 0)
        assert done.stderr.startswith("error: command is 'rnu'") == (code == 2)


def test_debug_shows_the_traceback():
    from sottovoce.errors import UsageError

    with pytest.raises(UsageError):
        main(["run", "nothing", "--debug"])
