"""The mutator on a package made up for the purpose: what it draws, what its tests say, and that it changes nothing."""

import ast
import json
import subprocess
from pathlib import Path

import pytest

import mutants
import mutate

MODULE = '''"""A docstring with 1 number."""

import logging


def clipped(value: float, low: int = 0, *, strict: bool = True) -> float:
    """Return 1 thing."""
    logging.info("value %d", 1)
    if value < low and strict:
        raise ValueError(f"value is {value}; allowed: {low + 1} or more")
    value = value - 1
    total: "int | list[1]" = sum(range(value), start=3)
    return -total if not strict else [*zip((), (), strict=True)][value:] + [2.5 * total]


def write(found, log):
    assert len(found) != 7
    found["value"] = log
    log.append(found)
    for each in found:
        found[each] += 1
'''
GOOD = """from sottovoce.room.half import half


def test_half():
    assert half(4) == 2
"""
HALF = '''def half(value):
    """Return 1 half."""
    if value > 100:
        return value / 2
    return value / 2
'''


def edited(text: str) -> dict[str, list[str]]:
    """Return what mutants make of a text, as their changed lines by kind."""
    module, found = mutants.Module(text), {}
    for edit in module.edits():
        if (new := module.mutated(edit)) is not None:
            found.setdefault(edit.kind, []).append("\n".join(mutate._diff(text, new)))
    return found


def added(text: str, kind: str) -> list[str]:
    return [line[2:] for diff in edited(text)[kind] for line in diff.splitlines() if line[0] == "+"]


def test_every_kind_of_error_is_made():
    assert added(MODULE, "comparison") == ["if value <= low and strict:", "if value > low and strict:"]
    assert added(MODULE, "logic") == ["if value < low or strict:"]
    assert added(MODULE, "condition")[:2] == ["if False:", "if True:"]
    assert "value = value + 1" in added(MODULE, "arithmetic")
    assert set(added(MODULE, "constant")) >= {"value = value - 0", "found[each] += 0"}
    assert 'total: "int | list[1]" = sum(range(value), start=4)' in added(MODULE, "constant")
    assert added(MODULE, "start dropped") == ['total: "int | list[1]" = sum(range(value))']
    assert any("if (strict) else" in line for line in added(MODULE, "not dropped"))
    assert any("return (total) if" in line for line in added(MODULE, "minus dropped"))
    assert any("[(value) + 1:]" in line for line in added(MODULE, "slice"))
    assert any("2.75 * total" in line for line in added(MODULE, "constant"))
    removed = [line[2:] for diff in edited(MODULE)["deleted"] for line in diff.splitlines() if line[0] == "-"]
    assert removed == ["value = value - 1", 'found["value"] = log', "log.append(found)", "found[each] += 1"]
    assert len(edited(MODULE)["swapped"]) == 1


def test_texts_types_assertions_and_logging_are_left_alone():
    changed = {line[2:] for diffs in edited(MODULE).values() for diff in diffs for line in diff.splitlines()}
    for untouched in (
        "docstring",
        "Return 1 thing",
        "import",
        "def ",
        "logging",
        "raise",
        "list[2]",
        "assert",
        "strict=F",
    ):
        assert not [line for line in changed if untouched in line], untouched
    assert "strict dropped" not in edited(MODULE)


def test_every_mutant_compiles_and_means_something_else():
    module = mutants.Module(MODULE)
    texts = [text for edit in module.edits() if (text := module.mutated(edit)) is not None]
    assert len(texts) > 20
    for text in texts:
        compile(text, "mutant", "exec")
        assert ast.dump(ast.parse(text)) != ast.dump(module.tree)


def test_positions_count_characters_where_the_syntax_counts_bytes():
    assert added('def f(x):\n    return "größer", x < 1\n', "comparison") == [
        'return "größer", x <= 1',
        'return "größer", x > 1',
    ]


def test_order_of_writes_is_swapped_only_where_neither_needs_the_other():
    assert "swapped" not in edited("def f(a):\n    b = a()\n    b.c()\n    return b\n")
    (diff,) = edited("def f(a, b):\n    a.write(1)\n    b.write(2)\n")["swapped"]
    assert diff.splitlines() == ["+ b.write(2)", "a.write(1)", "- b.write(2)"] or len(diff.splitlines()) == 2


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a checkout with two rooms, one of them with tests of its own."""
    files = {
        "src/sottovoce/__init__.py": "",
        "src/sottovoce/room/__init__.py": "",
        "src/sottovoce/room/half.py": HALF,
        "src/sottovoce/room/inner/deep.py": HALF,
        "src/sottovoce/other/room.py": HALF,
        "src/sottovoce/loose.py": HALF,
        "tests/room/test_half.py": GOOD,
        "tests/room/test_more.py": "def test_more():\n    pass\n",
        "tests/test_loose.py": GOOD,
        ".gitignore": "ignored/\n",
        "ignored/large": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


def snapshot(tree: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in tree.rglob("*") if p.is_file() and ".git" not in p.parts}


def test_rooms_are_found_by_path_and_by_name(tree):
    def found(*rooms: str) -> list[str]:
        return [path.relative_to(mutate.SOURCE).as_posix() for path in mutate.find(rooms, tree)]

    assert found("room") == ["room/__init__.py", "room/half.py", "room/inner/deep.py"]
    assert found("half") == found("room/half.py") == found("room/half") == ["room/half.py"]
    assert found("inner", "half") == ["room/half.py", "room/inner/deep.py"]
    with pytest.raises(SystemExit, match="is called attic"):
        found("attic")


def test_tests_are_the_own_file_first_and_then_the_rest_of_the_room(tree):
    def suites(name: str) -> list[tuple[str, ...]]:
        return mutate.suites(mutate.SOURCE / name, tree)

    own = "tests/room/test_half.py"
    assert suites("room/half.py") == [(own,), ("tests/room", f"--ignore={own}")]
    assert suites("room/inner/deep.py") == [("tests/room",)]
    assert suites("loose.py") == [("tests/test_loose.py",)]
    with pytest.raises(SystemExit, match=r"tests/test_other\.py does not exist"):
        suites("other/room.py")


def test_the_same_seed_draws_the_same_mutants_of_different_lines(tree):
    paths = mutate.find(["room"], tree)
    first = mutate.draw(paths, 3, 5, tree)
    assert first == mutate.draw(paths, 3, 5, tree)
    assert first != mutate.draw(paths, 4, 5, tree)
    assert len({(mutant.path, mutant.line) for mutant in first}) == 5
    # Two modules of three lines each that offer an error.
    assert len(mutate.draw(paths, 3, 100, tree)) == 6


def test_a_mutant_is_killed_or_survives_and_nothing_is_changed_and_what_is_finished_is_not_tried_again(
    tree, tmp_path_factory, capsys
):
    before, out = snapshot(tree), tmp_path_factory.mktemp("out") / "mutants.json"
    drawn = mutate.draw(mutate.find(["half"], tree), 0, 100, tree)
    finished = mutate.check(drawn, out, 300, tree)
    outcomes = {done.line: (done.outcome, done.by) for done in finished}
    # No test has a value above 100: what becomes of that branch is not noticed.
    assert outcomes[4] == ("survived", "")
    assert outcomes[5] == ("killed", "tests/room/test_half.py::test_half")
    assert snapshot(tree) == before
    assert [done["outcome"] for done in json.loads(out.read_text())] == [done.outcome for done in finished]
    assert "survived src/sottovoce/room/half.py:4" in capsys.readouterr().out

    tried = []
    judge = mutate.Copy.judge

    def counted(copy, mutant, limit):
        tried.append(mutant.line)
        return judge(copy, mutant, limit)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mutate.Copy, "judge", counted)
        assert mutate.check(drawn, out, 300, tree) == finished
        assert tried == []
        # With a test more, only what survived is tried again.
        survived = {done.line for done in finished if done.outcome == "survived"}
        (tree / "tests/room/test_more.py").write_text(GOOD.replace("half(4) == 2", "half(400) == 200"))
        again = {done.line: done.outcome for done in mutate.check(drawn, out, 300, tree)}
        assert set(tried) == survived
        assert again[4] == "killed"


def test_tests_that_fail_or_hang_by_themselves_are_no_kills(tree, tmp_path):
    (mutant,) = mutate.draw(mutate.find(["loose"], tree), 0, 1, tree)
    (tree / "tests/test_loose.py").write_text("def test_broken():\n    raise ValueError\n")
    with pytest.raises(SystemExit, match="not all tests pass on the unbroken package"):
        mutate.check([mutant], None, 300, tree)
    (tree / "tests/test_loose.py").write_text("import time\n\n\ndef test_slow():\n    time.sleep(600)\n")
    (done,) = mutate.check([mutant], None, 3, tree)
    assert done.outcome == "timeout"
    (tree / "tests/test_loose.py").write_text("")
    with pytest.raises(SystemExit, match=r"no tests in tests/test_loose\.py"):
        mutate.check([mutant], None, 300, tree)


def test_the_usual_rooms_exist_and_offer_mutants():
    paths = mutate.find(mutate.ROOMS)
    assert {"theory", "measure", "training", "data"} <= {path.parts[2] for path in paths}
    assert len(mutate.draw(paths, 0, 40)) == 40
