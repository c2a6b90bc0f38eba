"""Measure the house: how many rooms the package has, how they depend on each other, and how long its code is.

    python tools/house.py                  this checkout
    python tools/house.py --git v0.1.0     another commit, from a temporary copy
    python tools/house.py --json           all numbers and lists, for another program

The words, as this program counts them:

- A *room* is a folder of `src/sottovoce` that holds modules. A module that lies loose beside `__init__.py` is a room of
  its own, and so is `__main__`. The package's own `__init__.py` is none: it only names what others define.
- An *arrow* leads from a room to another room that it imports, however often; imports inside of functions count, those
  under `if TYPE_CHECKING` only with `--types`. An import by a string (`import_module`) is not seen.
- *Floors* are the rooms on the longest path along arrows; the rooms of a circle stand on one floor.
- A *circle* is a set of rooms, or of modules, each of which can be reached from every other along imports.
- With `--join-slices`, the folder of an experiment, which holds a `simulate.py`, belongs to the room around it.
- *Comments* are the share of lines of code, neither blank nor docstring, that carry a comment; directives such as
  `noqa` are none. The length of a function leaves its docstring out.
"""

import ast
import io
import json
import subprocess
import tarfile
import tempfile
import tokenize
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import tyro

ROOT = Path(__file__).parents[1]
PACKAGE = "sottovoce"
LONG_FILE, LONG_FUNCTION = 250, 40
DIRECTIVES = ("# noqa", "# type:", "# pyright:", "# pragma:")
LAYOUT = {tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER}
Graph = Mapping[str, Collection[str]]
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Import:
    """One import of a module of the package by another: both dotted names, and the line where it stands."""

    importer: str
    imported: str
    line: int

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


@dataclass(frozen=True)
class Code:
    """How long the code of one room is."""

    modules: int
    lines: int


@dataclass(frozen=True)
class House:
    """What is measured. Circles come with the imports that close them; long files and functions with their lines."""

    rooms: dict[str, Code]
    root_modules: list[str]
    floors: int
    arrows: list[tuple[str, str]]
    circles: list[dict[str, list[str]]]
    module_circles: list[dict[str, list[str]]]
    lines: int
    comments: float
    long_files: dict[str, int]
    long_functions: dict[str, int]


def modules(source: Path) -> dict[str, Path]:
    """Return the files of a package by the dotted names of its modules, in order; a folder's is its `__init__.py`."""
    found = {}
    for path in source.rglob("*.py"):
        parts = [source.name, *path.relative_to(source).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return dict(sorted(found.items()))


def imports(name: str, files: Mapping[str, Path], *, types: bool = False) -> Iterator[Import]:
    """Yield a module's imports of other modules of its package, wherever in the file they stand."""
    package, is_package = name.partition(".")[0], files[name].name == "__init__.py"

    def named(node: ast.Import | ast.ImportFrom) -> Iterator[Import]:
        targets = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            here = name.split(".")
            above = here[: len(here) + is_package - node.level] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            targets = [full if (full := f"{origin}.{target}") in files else origin for target in targets]
        for target in targets:
            if target.partition(".")[0] == package and target != name:
                yield Import(name, target, node.lineno)

    def visit(node: ast.AST) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test) and not types:
                for statement in child.orelse:
                    yield from visit(statement)
                continue
            if isinstance(child, ast.Import | ast.ImportFrom):
                yield from named(child)
            yield from visit(child)

    yield from visit(ast.parse(files[name].read_text(encoding="utf-8")))


def room(module: str, files: Mapping[str, Path], *, join_slices: bool = False) -> str:
    """Return the name of the room of a module: its folder, or itself if it lies at the root."""
    package, _, below = module.partition(".")
    folder = module if files[module].name == "__init__.py" else module.rpartition(".")[0]
    if folder == package:
        return below or package
    if join_slices and f"{folder}.simulate" in files:
        folder = folder.rpartition(".")[0]
    return folder.removeprefix(f"{package}.")


def circles(graph: Graph) -> list[list[str]]:
    """Return the strongly connected components of more than one node."""
    reached = {node: _reachable(graph, node) for node in graph}
    found = {
        frozenset({node, *(other for other in ahead if node in reached[other])}) for node, ahead in reached.items()
    }
    return sorted(sorted(circle) for circle in found if len(circle) > 1)


def _reachable(graph: Graph, start: str) -> set[str]:
    seen, waiting = set(), list(graph[start])
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting += graph[node]
    return seen


def floors(graph: Graph) -> int:
    """Return the number of nodes on the longest path, with every circle taken as one node."""
    one = {node: circle[0] for circle in circles(graph) for node in circle}
    merged = defaultdict(set)
    for node, ahead in graph.items():
        here = one.get(node, node)
        merged[here] |= {one.get(other, other) for other in ahead} - {here}

    @cache
    def height(node: str) -> int:
        return 1 + max((height(other) for other in merged[node]), default=0)

    return max(map(height, list(merged)), default=0)


def comment_share(text: str) -> tuple[int, int]:
    """Return how many lines of a module carry a comment, and how many are code or comment."""
    documented = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Module | ast.ClassDef | FUNCTION) and ast.get_docstring(node) is not None
        for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
    }
    commented, code = set(), set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and not token.string.startswith(DIRECTIVES):
            commented.add(token.start[0])
        if token.type not in LAYOUT:
            code |= set(range(token.start[0], token.end[0] + 1))
    return len(commented), len(code - documented)


def function_lengths(text: str) -> Iterator[tuple[str, int]]:
    """Yield the functions of a module with their lines from `def` to the end, without the docstring."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, FUNCTION):
            parts = [node] if ast.get_docstring(node) is None else [node, node.body[0]]
            whole, *docstring = [(part.end_lineno or 0) - part.lineno + 1 for part in parts]
            yield node.name, whole - sum(docstring)


def measure(source: Path, *, types: bool = False, join_slices: bool = False) -> House:
    """Measure the package in a folder."""
    files = modules(source)
    home = {module: room(module, files, join_slices=join_slices) for module in files}
    texts = {module: path.read_text(encoding="utf-8") for module, path in files.items()}
    lines = {module: text.count("\n") for module, text in texts.items()}
    found = list(dict.fromkeys(each for module in files for each in imports(module, files, types=types)))
    between = [each for each in found if home[each.importer] != home[each.imported]]
    rooms = sorted(set(home.values()) - {source.name})
    arrows = sorted({(home[each.importer], home[each.imported]) for each in between})
    arrows = [arrow for arrow in arrows if source.name not in arrow]
    graph = {name: {there for here, there in arrows if here == name} for name in rooms}
    module_graph = {module: {each.imported for each in found if each.importer == module} for module in files}
    commented, code = map(sum, zip(*map(comment_share, texts.values()), strict=True))
    return House(
        rooms={name: Code(*_size(name, home, lines)) for name in rooms},
        root_modules=[n for n in rooms if files.get(f"{source.name}.{n}") == source / f"{n}.py" and n != "__main__"],
        floors=floors(graph),
        arrows=arrows,
        circles=[_closing(circle, between, home) for circle in circles(graph)],
        module_circles=[_closing(circle, found, {m: m for m in files}) for circle in circles(module_graph)],
        lines=sum(lines.values()),
        comments=commented / code,
        long_files={module: n for module, n in lines.items() if n > LONG_FILE},
        long_functions={
            f"{module}.{name}": n
            for module, text in texts.items()
            for name, n in function_lengths(text)
            if n > LONG_FUNCTION
        },
    )


def _size(name: str, home: Mapping[str, str], lines: Mapping[str, int]) -> tuple[int, int]:
    inside = [lines[module] for module, here in home.items() if here == name]
    return len(inside), sum(inside)


def _closing(circle: list[str], found: list[Import], home: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the members of a circle, each with its imports of the others."""
    return {
        name: [
            str(each) for each in found if home[each.importer] == name and home[each.imported] in set(circle) - {name}
        ]
        for name in circle
    }


def report(house: House) -> str:
    """Return the measurements as text."""
    n_root = len(house.root_modules)
    text = [
        f"{len(house.rooms)} rooms, {n_root} of them loose modules, on {house.floors} floors",
        f"{len(house.arrows)} arrows",
        *_circle_text("rooms", house.circles),
        *_circle_text("modules", house.module_circles),
        f"root modules besides __init__ and __main__: {n_root}: {', '.join(house.root_modules)}",
        f"{house.lines} lines of Python in {sum(code.modules for code in house.rooms.values()) + 1} files",
        f"comments: {100 * house.comments:.1f} % of lines of code",
        "",
        *(f"{code.lines:7} lines {code.modules:4} modules  {name}" for name, code in house.rooms.items()),
    ]
    for what, found in (
        (f"files over {LONG_FILE} lines", house.long_files),
        (f"functions over {LONG_FUNCTION} lines", house.long_functions),
    ):
        text += ["", f"{len(found)} {what}", *(f"{n:7}  {name}" for name, n in found.items())]
    return "\n".join(text)


def _circle_text(what: str, found: list[dict[str, list[str]]]) -> Iterator[str]:
    yield f"{len(found)} circles of {what}"
    for circle in found:
        yield f"  {', '.join(circle)}"
        yield from (f"    {line}" for lines in circle.values() for line in lines)


def main(git: str | None = None, types: bool = False, join_slices: bool = False, json: bool = False) -> None:
    """Measure the rooms of the package, the imports between them, and the length of its code.

    Args:
        git: a commit to measure instead of this checkout.
        types: count imports under `if TYPE_CHECKING` too.
        join_slices: count the folders of single experiments as one room with the folder around them.
        json: print one JSON object.
    """
    options = {"types": types, "join_slices": join_slices}
    if git is None:
        house = measure(ROOT / "src" / PACKAGE, **options)
    else:
        packed = subprocess.run(["git", "archive", git, "src"], cwd=ROOT, check=True, capture_output=True).stdout
        with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
            house = measure(Path(folder) / "src" / PACKAGE, **options)
    print(_dumped(house) if json else report(house))


def _dumped(house: House) -> str:
    return json.dumps(asdict(house), indent=1)


if __name__ == "__main__":
    tyro.cli(main, config=(tyro.conf.FlagCreatePairsOff,))
