"""The house measured on a package made up for the purpose, whose rooms, arrows and circles are known."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import house

FILES = {
    "__init__.py": '"""A package."""\n\nfrom package import lazy\n',
    "__main__.py": "from package.cli import main\n",
    "lazy.py": "",
    "cli/__init__.py": "",
    "cli/main.py": "from package.lab import run\n\n\ndef main():\n    import package.data.files\n",
    "lab/__init__.py": "from . import run\n",
    "lab/run.py": "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from package.cli import main\n",
    "data/__init__.py": "from package import lazy\n",
    "data/files.py": "from ..lab.run import anything\nfrom package.data import other\n",
    "data/other.py": "def later():\n    from package.data.files import anything\n",
    "experiments/__init__.py": "",
    "experiments/one/__init__.py": "",
    "experiments/one/simulate.py": "from package import lab\n",
    "experiments/two/__init__.py": "",
    "experiments/two/simulate.py": "from package.experiments.one import simulate\n",
}
ROOMS = {"__main__", "lazy", "cli", "lab", "data", "experiments", "experiments.one", "experiments.two"}
ARROWS = {
    ("__main__", "cli"),
    ("cli", "lab"),
    ("cli", "data"),
    ("data", "lab"),
    ("data", "lazy"),
    ("experiments.one", "lab"),
    ("experiments.two", "experiments.one"),
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "package" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "package"


def test_rooms_arrows_and_floors_are_those_of_the_made_up_package(source):
    found = house.measure(source)
    assert set(found.rooms) == ROOMS
    assert found.root_modules == ["lazy"]
    assert set(found.arrows) == ARROWS
    # __main__, cli, data, lab.
    assert found.floors == 4
    assert found.circles == []
    assert found.lines == sum(text.count("\n") for text in FILES.values())
    assert found.rooms["lab"] == house.Code(modules=2, lines=5)


def test_a_circle_of_modules_is_told_with_the_imports_that_close_it(source):
    (circle,) = house.measure(source).module_circles
    assert circle == {
        "package.data.files": ["package.data.files:2 imports package.data.other"],
        "package.data.other": ["package.data.other:2 imports package.data.files"],
    }


def test_imports_for_types_count_where_they_are_asked_for_and_close_a_circle(source):
    found = house.measure(source, types=True)
    assert set(found.arrows) == ARROWS | {("lab", "cli")}
    assert [set(circle) for circle in found.circles] == [{"cli", "data", "lab"}]
    assert found.circles[0]["lab"] == ["package.lab.run:4 imports package.cli.main"]
    # experiments.two, experiments.one, the circle, lazy.
    assert found.floors == 4


def test_slices_join_the_room_around_them(source):
    found = house.measure(source, join_slices=True)
    assert set(found.rooms) == ROOMS - {"experiments.one", "experiments.two"}
    assert ("experiments", "lab") in found.arrows


def test_comments_are_counted_on_lines_of_code_and_directives_are_none():
    code = '"""A docstring # with a sign."""\n\n# Why.\nx = 1  # because\ny = 2  # noqa: E501\n\n\n'
    text = code + 'def f():\n    """One."""\n    return (\n        1\n    )\n'
    assert house.comment_share(text) == (2, 7)


def test_the_length_of_a_function_leaves_out_its_docstring():
    function = 'def f():\n    """One.\n\n    Two.\n    """\n    return 1\n'
    text = function + "\n\nclass C:\n    def g(self):\n        return (\n            2\n        )\n"
    assert dict(house.function_lengths(text)) == {"f": 2, "g": 4}


def test_long_files_and_functions_are_listed(source):
    body = "    x = 1\n" * 40
    (source / "lab" / "long.py").write_text(f"def f():\n{body}\n\ndef g():\n{body[:-10]}" + "\n" * 200)
    found = house.measure(source)
    assert found.long_functions == {"package.lab.long.f": 41}
    assert found.long_files == {"package.lab.long": 283}


def test_the_command_measures_this_package_in_text_and_json():
    command = [sys.executable, house.__file__]
    text, data = (
        subprocess.run([*command, *more], check=True, capture_output=True, text=True).stdout
        for more in ([], ["--json"])
    )
    measured = json.loads(data)
    assert text.startswith(f"{len(measured['rooms'])} rooms, {len(measured['root_modules'])} of them loose modules")
    assert {"errors", "lazy", "streams"} <= set(measured["root_modules"])
    assert ["measure", "errors"] in measured["arrows"]


def test_another_commit_is_measured_from_a_copy(tmp_path, monkeypatch, capsys):
    def git(*words: str) -> None:
        identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True)

    source = tmp_path / "src" / "sottovoce"
    source.mkdir(parents=True)
    (source / "__init__.py").write_text("from sottovoce import one\n")
    (source / "one.py").write_text("")
    for words in (["init"], ["add", "."], ["commit", "--message=first"]):
        git(*words)
    (source / "two.py").write_text("")
    monkeypatch.setattr(house, "ROOT", tmp_path)
    for git_option, modules in ((None, ["one", "two"]), ("HEAD", ["one"])):
        house.main(git=git_option, json=True)
        assert json.loads(capsys.readouterr().out)["root_modules"] == modules


def test_this_package_has_no_circle_of_rooms_or_of_modules():
    found = house.measure(Path(__file__).parents[2] / "src" / "sottovoce")
    assert found.circles == []
    assert found.module_circles == []
