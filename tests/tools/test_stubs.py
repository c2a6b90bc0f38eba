"""The stub of the calls: up to date, complete, and such that a type checker knows the fields of an experiment."""

import ast
import json
import subprocess
import sys
from dataclasses import MISSING, field, fields, make_dataclass
from typing import Literal

import pytest

import stubs
from documents import ROOT
from sottovoce.lab import registry

RIGHT = """
bars = sv.run("transfer", dataset="digits", members=np.int64(2), width=np.array([64, 64]), learning_rate=1)
sv.run("transfer", dataset=sv.load_dataset("digits"), width=(64, 64), student_epochs=None)
sv.run("spectrum", n_aux=[2, 4], objectives=("kl",), execution=sv.Execution(quiet=True))
sv.sweep("transfer", {"n_aux": [2, 3], "gain": np.geomspace(0.1, 10)}, dataset="digits", members=2)
sv.sweep("toy", points=[{"n_aux": 1}, {"n_aux": 2}], draws=np.int64(5))
sv.run(input(), anything=2)
print(bars.sizes)
"""
WRONG = """
sv.run("transfer", wdith=64)
sv.run("transfer", hidden=8)
sv.run("toy", members="3")
sv.sweep("transfer", {"n_aux": [2, 3]}, wdith=64)
"""


def test_the_stub_is_what_the_program_writes(tmp_path, monkeypatch):
    # After a change of fields: python tools/stubs.py
    stubs.main(check=True)
    monkeypatch.setattr(stubs, "FILE", tmp_path / "calls.pyi")
    stubs.main()
    assert (tmp_path / "calls.pyi").read_text(encoding="utf-8") == stubs.text()
    (tmp_path / "calls.pyi").write_text("")
    with pytest.raises(SystemExit, match=r"out of date; run python tools/stubs\.py"):
        stubs.main(check=True)


@pytest.mark.parametrize("function", ["run", "sweep"])
def test_every_built_in_experiment_has_an_overload_with_its_fields(function):
    definitions = [node for node in ast.parse(stubs.FILE.read_text()).body if isinstance(node, ast.FunctionDef)]
    keywords = {
        ast.unparse(one.args.posonlyargs[0].annotation or one): [keyword.arg for keyword in one.args.kwonlyargs]
        for one in definitions
        if one.name == function
    }
    typed = {
        f"Literal['{name}']": ["execution", *(one.name for one in fields(registry.experiment(name).Config))]
        for name in stubs.BUILT_IN
    }
    assert keywords == {**typed, "BuiltIn": ["execution"], "str | Experiment": ["execution"]}


@pytest.mark.parametrize(
    ("hint", "default", "expected"),
    [
        (int | None, None, "x: Whole | None = None"),
        (int | tuple[int, ...], (64, 8), "x: Whole | Wholes = (64, 8)"),
        (tuple[str, ...], ("kl",), 'x: Words = ("kl",)'),
        (tuple[str, ...], ("a long word", "another long word", "a word"), "x: Words = ..."),
        (tuple[float, ...], MISSING, "x: Numbers = ..."),
        (bool, False, "x: Truth = False"),
    ],
)
def test_a_field_becomes_a_keyword_with_its_type_and_a_short_default(hint, default, expected):
    made = field(default_factory=tuple) if default is MISSING else field(default=default)
    own = type("Own", (), {"Config": make_dataclass("Config", [("x", hint, made)])})
    assert stubs.keywords(own) == [expected]


def test_a_type_without_a_word_is_an_error():
    with pytest.raises(KeyError, match="a"):
        stubs.type_text("x", Literal["a"])


def test_a_type_checker_takes_right_settings_and_reports_wrong_ones(tmp_path):
    file = tmp_path / "calls.py"
    head = "# pyright: standard, reportDeprecated=true\nimport numpy as np\nimport sottovoce as sv\n"
    file.write_text(head + RIGHT + WRONG)
    # In the root of the checkout, whose `src` comes before what is installed.
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode not in {0, 1}:
        pytest.skip(f"pyright cannot run: {done.stderr[-200:]}")
    found = json.loads(done.stdout[done.stdout.index("{") :])["generalDiagnostics"]
    assert all(stubs.REFUSED in one["message"] for one in found), found
    first = len((head + RIGHT).splitlines()) + 1
    assert [one["range"]["start"]["line"] for one in found] == [*range(first, first + 4)]
