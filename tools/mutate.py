"""Break the package one line at a time and see whether a test notices: a seeded mutation check.

    python tools/mutate.py --seed 1 --count 40 --out mutants.json    the usual check
    python tools/mutate.py --seed 1 --count 10 --rooms theory        one room
    python tools/mutate.py --seed 1 --count 10 --list                only show what would be broken

A *mutant* is the package with one small error in it: a comparison flipped, a guard that never fires, two writes in the
wrong order. A mutant is *killed* if a test fails, and *survives* if all pass: then the tests of that room do not say
what the line is for, and one that states the right value is missing. (A few mutants compute the same as the original;
only reading tells.) Lines are drawn evenly from all lines of function bodies in which something can be broken, and then
one error from those that the line offers. Docstrings, imports, type hints, assertions and the texts of errors and of
logging are left alone.

The same seed draws the same mutants from the same tree. Nothing is changed in this checkout: mutants live one after the
other in a temporary copy. A mutant first meets the test file named after its module, then all tests of its room, which
is the mirrored folder in `tests/`. `--out` holds what is finished, so that an interrupted check continues; what was
killed is not tried again while the package is the same, and what survived not while the tests are the same either.
"""

import difflib
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import tyro

from mutants import Edit, Module

ROOT = Path(__file__).parents[1]
SOURCE, TESTS = Path("src/sottovoce"), Path("tests")
ROOMS = ("theory", "measure", "training", "objectives", "store", "data", "estimates", "initialization", "distillation")
# Where the tests of a folder or a loose module are if neither a folder nor a file of tests mirrors it.
TESTED_BY = {"__init__": "tests/test_lazy.py", "__main__": "tests/cli"}


Outcome = Literal["killed", "survived", "timeout"]


@dataclass(frozen=True)
class Mutant:
    """A broken module: its path in the repository, the line, the kind of error, and the change as a diff."""

    path: str
    line: int
    kind: str
    diff: str
    text: str


@dataclass(frozen=True)
class Finished:
    """What became of a mutant, by which test, and with which package and tests (their checksums)."""

    path: str
    line: int
    kind: str
    diff: str
    outcome: Outcome
    by: str
    source: str
    tests: str


def find(rooms: Sequence[str], root: Path = ROOT) -> list[Path]:
    """Return the modules of rooms: a path below the package or the start of one, or a folder's or module's name.

    Raises:
        SystemExit: nothing has this name.
    """
    source = root / SOURCE
    paths = sorted(path.relative_to(source) for path in source.rglob("*.py"))
    found = set()
    for name in rooms:
        plain = name.removesuffix(".py").strip("/")
        begins = {p for p in paths if f"{p.with_suffix('').as_posix()}/".startswith(f"{plain}/")}
        named = begins or {p for p in paths if plain in (*p.parent.parts, p.stem)}
        if not named:
            raise SystemExit(f"no folder or module below {SOURCE} is called {name}")
        found |= named
    return [SOURCE / path for path in sorted(found)]


def draw(paths: Sequence[Path], seed: int, count: int, root: Path = ROOT) -> list[Mutant]:
    """Return mutants of different lines, drawn evenly over all lines that offer one."""
    rng = random.Random(seed)
    read = {path: Module((root / path).read_text(encoding="utf-8")) for path in paths}
    lines: dict[tuple[Path, int], list[Edit]] = {}
    for path, module in read.items():
        for edit in module.edits():
            lines.setdefault((path, edit.line), []).append(edit)
    mutants: list[Mutant] = []
    for path, line in rng.sample(sorted(lines), len(lines)):
        edits = lines[path, line]
        for edit in rng.sample(edits, len(edits)):
            text = read[path].mutated(edit)
            if text is not None and len(mutants) < count:
                diff = "\n".join(_diff(read[path].text, text))
                mutants.append(Mutant(path.as_posix(), line, edit.kind, diff, text))
                break
        if len(mutants) == count:
            break
    return mutants


def _diff(old: str, new: str) -> list[str]:
    return [
        f"{line[0]} {line[2:].strip()}" for line in difflib.ndiff(old.splitlines(), new.splitlines()) if line[0] in "+-"
    ]


def suites(path: Path, root: Path = ROOT) -> list[tuple[str, ...]]:
    """Return what pytest is given for a module, one after the other: files named after it, then the rest of its room.

    Raises:
        SystemExit: it is not known where its tests are.
    """
    below = path.relative_to(SOURCE)
    folder = next((f for f in below.parents if f != Path() and any((root / TESTS / f).rglob("test_*.py"))), None)
    if folder is None:
        first = below.with_suffix("").parts[0]
        file = TESTED_BY.get(first, f"tests/test_{first}.py")
        if not (root / file).exists():
            raise SystemExit(f"{file} does not exist; name the tests of {first} in TESTED_BY of {__file__}")
        return [(file,)]
    room = TESTS / folder
    files = {file.relative_to(root).as_posix() for file in (root / room).rglob("test_*.py")}
    own = tuple(sorted(file for file in files if below.stem.strip("_") in Path(file).stem))
    rest = [(room.as_posix(), *(f"--ignore={file}" for file in own))] if files - {*own} else []
    return [own, *rest] if own else rest


class Copy:
    """A temporary copy of the checkout in which mutants are tried."""

    def __init__(self, folder: Path, root: Path = ROOT) -> None:
        self.folder = folder
        self._sound: set[tuple[str, ...]] = set()  # suites that pass, or passed on a mutant
        # Properties are tried on the same examples each time.
        self._seed = ["--hypothesis-seed=0"] if find_spec("hypothesis") else []
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, cwd=root, check=True, capture_output=True, text=True).stdout
        for name in filter(None, names.split("\0")):
            if (root / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, folder / name)
        # Without bytecode no mutant can meet that of the one before it, which may be as long and as old.
        self._environment = os.environ | {"PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
        where = f"import {SOURCE.name}; print({SOURCE.name}.__file__)"
        done = subprocess.run([sys.executable, "-c", where], cwd=folder, env=self._environment, capture_output=True)
        if not done.stdout.decode().startswith(str(folder)):
            raise SystemExit(f"tests would not import the copy in {folder}: {done.stdout!r} {done.stderr!r}")

    def digest(self, below: Path) -> str:
        """Return a checksum of all modules in a folder."""
        checksum = hashlib.sha256()
        for path in sorted((self.folder / below).rglob("*.py")):
            checksum.update(f"{path.relative_to(self.folder)}\0".encode() + path.read_bytes() + b"\0")
        return checksum.hexdigest()[:16]

    def test(self, suite: Sequence[str], limit: float) -> tuple[Outcome, str]:
        """Run tests until one fails, and return its name too.

        Raises:
            SystemExit: there are none.
        """
        words = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *suite]
        shutil.rmtree(self.folder / ".hypothesis", ignore_errors=True)  # no mutant learns from another's failures
        with tempfile.TemporaryFile("w+") as printed:
            to = {"stdout": printed, "stderr": subprocess.STDOUT, "start_new_session": True}
            process = subprocess.Popen([*words, *self._seed], cwd=self.folder, env=self._environment, **to)
            try:
                code = process.wait(limit)
            except subprocess.TimeoutExpired:
                return "timeout", " ".join(suite)
            finally:
                _end(process)
            printed.seek(0)
            failed = re.search(r"^(?:FAILED|ERROR) (\S+)", printed.read(), flags=re.M)
        if code == 5:  # pytest's code for no test
            raise SystemExit(f"no tests in {' '.join(suite)}")
        return ("killed", failed.group(1) if failed else " ".join(suite)) if code else ("survived", "")

    def judge(self, mutant: Mutant, limit: float) -> tuple[Outcome, str]:
        """Write a mutant into the copy, run the tests of its room, and restore the module.

        Raises:
            SystemExit: the tests that failed do so without the mutant, too.
        """
        path = self.folder / mutant.path
        original = path.read_bytes()
        for suite in suites(Path(mutant.path), self.folder):
            path.write_text(mutant.text, encoding="utf-8")
            try:
                outcome, by = self.test(suite, limit)
            finally:
                path.write_bytes(original)
            known = suite in self._sound
            if outcome == "killed" and not known and self.test(suite, limit)[0] != "survived":
                raise SystemExit(f"{' '.join(suite)}: not all tests pass on the unbroken package")
            if outcome != "timeout":
                self._sound.add(suite)
            if outcome != "survived":
                return outcome, by
        return "survived", ""


def _end(process: subprocess.Popen[str]) -> None:
    """End tests that take too long, with all processes that they started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


Place = tuple[str, int, str, str]


def place(each: Mutant | Finished) -> Place:
    """Return what tells mutants of one package apart."""
    return each.path, each.line, each.kind, each.diff


def load(out: Path | None, source: str, tests: str) -> dict[Place, Finished]:
    """Return what is finished and still holds."""
    if out is None or not out.exists():
        return {}
    finished = [Finished(**each) for each in json.loads(out.read_text(encoding="utf-8"))]
    return {
        place(each): each
        for each in finished
        if each.source == source and (each.outcome == "killed" or each.tests == tests)
    }


def save(out: Path | None, finished: Iterable[Finished]) -> None:
    """Write what is finished; an interruption leaves the file as it was."""
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = out.with_name(f"{out.name}.partial")
        partial.write_text(json.dumps([asdict(each) for each in finished], indent=1) + "\n", encoding="utf-8")
        partial.replace(out)


def check(mutants: Sequence[Mutant], out: Path | None, limit: float, root: Path = ROOT) -> list[Finished]:
    """Try mutants one after the other and print what becomes of each."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Copy(Path(folder).resolve(), root)
        source, tests = copy.digest(SOURCE), copy.digest(TESTS)
        known, finished = load(out, source, tests), []
        for number, mutant in enumerate(mutants, 1):
            done = known.get(place(mutant))
            if done is None:
                done = Finished(*place(mutant), *copy.judge(mutant, limit), source, tests)
            known[place(mutant)] = done
            finished.append(done)
            print(
                f"{number:3} {done.outcome:9}{done.path}:{done.line} ({done.kind})\n{_indented(done.diff)}", flush=True
            )
            save(out, known.values())
    return finished


def _indented(text: str) -> str:
    return "\n".join(f"        {line}" for line in text.splitlines())


def main(
    seed: int,
    count: int = 40,
    rooms: tuple[str, ...] = ROOMS,
    list: bool = False,
    out: Path | None = None,
    limit: float = 1200.0,
) -> None:
    """Break the package one line at a time and see whether the tests of the room notice.

    Args:
        seed: of the draw; the same seed draws the same mutants from the same tree.
        count: how many mutants.
        rooms: folders or modules below src/sottovoce, by path or by name.
        list: print the mutants without trying them.
        out: a JSON list of what is finished; what stands there already is not tried again.
        limit: seconds that the tests of one mutant may take.
    """
    mutants = draw(find(rooms), seed, count)
    if list:
        for mutant in mutants:
            print(f"{mutant.path}:{mutant.line} ({mutant.kind})\n{_indented(mutant.diff)}")
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the tests end with this program, and the copy goes
    finished = check(mutants, out, limit)
    total = {
        outcome: sum(each.outcome == outcome for each in finished) for outcome in ("killed", "survived", "timeout")
    }
    print(", ".join(f"{n} {outcome}" for outcome, n in total.items()))


if __name__ == "__main__":
    tyro.cli(main, config=(tyro.conf.FlagCreatePairsOff,))
