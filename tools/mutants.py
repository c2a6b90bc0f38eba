"""The small errors that `mutate.py` can make in one module: which lines offer one, and what stands there instead.

An error is an edit of the text, found in its syntax: so the rest of the module keeps its form, and a diff shows one
line. Edited are the statements of function bodies, wherever they are nested.
"""

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
COMPARISONS = {
    ast.Lt: ("<", ("<=", ">")),
    ast.LtE: ("<=", ("<", ">=")),
    ast.Gt: (">", (">=", "<")),
    ast.GtE: (">=", (">", "<=")),
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
    ast.Is: ("is", ("is not",)),
    ast.IsNot: ("is not", ("is",)),
    ast.In: ("in", ("not in",)),
    ast.NotIn: ("not in", ("in",)),
}
ARITHMETIC = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Pow: ("**", "*"),
}
LOGIC = {ast.And: ("and", "or"), ast.Or: ("or", "and")}
LOGGERS = {"logging", "logger", "warnings"}


@dataclass(frozen=True)
class Edit:
    """A piece of a module's text, from one offset to another, and what stands there instead."""

    line: int
    start: int
    end: int
    new: str
    kind: str

    def apply(self, text: str) -> str:
        """Return the text with the edit made."""
        return text[: self.start] + self.new + text[self.end :]


class Module:
    """The text and syntax of one module, and all edits that may break it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = ast.parse(text)
        self._starts = [0]
        for line in text.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._lines = text.splitlines()
        self._kinds: dict[Any, Callable[[Any], Iterator[Edit]]] = {
            ast.Compare: self._comparison,
            ast.BinOp: self._arithmetic,
            ast.BoolOp: self._logic,
            ast.UnaryOp: self._prefix,
            ast.Constant: self._constant,
            ast.Call: self._keywords,
            ast.Slice: self._slice,
            ast.If | ast.IfExp | ast.While | ast.comprehension: self._conditions,
        }

    def edits(self) -> list[Edit]:
        """Return every edit of the executable lines of function bodies, in the order of the text."""
        found = {
            edit
            for node in ast.walk(self.tree)
            if isinstance(node, FUNCTION)
            for edit in (
                *(edit for statement in node.body for edit in self._in_node(statement)),
                *self._in_blocks(node),
            )
        }
        return sorted(found, key=lambda edit: (edit.start, edit.end, edit.kind, edit.new))

    def mutated(self, edit: Edit) -> str | None:
        """Return the text with an edit, or None if that does not compile or means the same."""
        text = edit.apply(self.text)
        try:
            tree = ast.parse(text)
            compile(text, "mutant", "exec")
        except (SyntaxError, ValueError):
            return None
        return None if ast.dump(tree) == ast.dump(self.tree) else text

    def _at(self, line: int, column: int) -> int:
        """Return the offset of a position as `ast` gives it: a line, and a column in bytes."""
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())

    def _span(self, node: Any) -> tuple[int, int]:
        return self._at(node.lineno, node.col_offset), self._at(node.end_lineno, node.end_col_offset)

    def _replace(self, node: Any, new: str, kind: str) -> Iterator[Edit]:
        if node.lineno == node.end_lineno:
            yield Edit(node.lineno, *self._span(node), new, kind)

    def _between(self, left: ast.AST, right: ast.AST, old: str, new: Iterable[str], kind: str) -> Iterator[Edit]:
        """Yield replacements of the operator between two operands."""
        start, end = self._span(left)[1], self._span(right)[0]
        word = r"\s+".join(rf"\b{part}\b" if part.isalpha() else re.escape(part) for part in old.split())
        match = re.search(word, re.sub(r"#.*", lambda m: " " * len(m.group()), self.text[start:end]))
        if match:
            line = self.text.count("\n", 0, start + match.start()) + 1
            for each in new:
                yield Edit(line, start + match.start(), start + match.end(), each, kind)

    def _in_node(self, node: ast.AST) -> Iterator[Edit]:
        """Yield the edits of a node and of what is below it, nested functions left to themselves."""
        if _left_alone(node):
            return
        for types, edits in self._kinds.items():
            if isinstance(node, types):
                yield from edits(node)
        for child in _executed(node):
            yield from self._in_node(child)

    def _comparison(self, node: ast.Compare) -> Iterator[Edit]:
        for left, operator, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
            old, new = COMPARISONS[type(operator)]
            yield from self._between(left, right, old, new, "comparison")

    def _arithmetic(self, node: ast.BinOp) -> Iterator[Edit]:
        if type(node.op) in ARITHMETIC and not _is_text(node):
            old, new = ARITHMETIC[type(node.op)]
            yield from self._between(node.left, node.right, old, [new], "arithmetic")

    def _logic(self, node: ast.BoolOp) -> Iterator[Edit]:
        old, new = LOGIC[type(node.op)]
        for left, right in pairwise(node.values):
            yield from self._between(left, right, old, [new], "logic")

    def _prefix(self, node: ast.UnaryOp) -> Iterator[Edit]:
        if isinstance(node.op, ast.Not | ast.USub):
            kind = "not dropped" if isinstance(node.op, ast.Not) else "minus dropped"
            yield from self._replace(node, f"({self._source(node.operand)})", kind)

    def _slice(self, node: ast.Slice) -> Iterator[Edit]:
        for bound in (node.lower, node.upper):
            if bound is not None and not isinstance(bound, ast.Constant):
                yield from self._replace(bound, f"({self._source(bound)}) + 1", "slice")

    def _source(self, node: ast.AST) -> str:
        start, end = self._span(node)
        return self.text[start:end]

    def _constant(self, node: ast.Constant) -> Iterator[Edit]:
        match node.value:
            case bool():
                new = [str(not node.value)]
            case int():
                new = [str(1 - node.value if node.value in (0, 1) else node.value + 1)]
            case float():
                new = [repr(1.0 - node.value if node.value in (0.0, 1.0) else 1.1 * node.value)]
            case _:
                new = []
        for each in new:
            yield from self._replace(node, each, "constant")

    def _keywords(self, node: ast.Call) -> Iterator[Edit]:
        """Yield the call without one keyword argument; `strict` of `zip` is an assertion."""
        arguments = sorted([*node.args, *node.keywords], key=lambda a: (a.lineno, a.col_offset))
        for here, argument in enumerate(arguments):
            if isinstance(argument, ast.keyword) and argument.arg not in (None, "strict"):
                start, end = self._span(argument)
                if here:
                    start = self._span(arguments[here - 1])[1]
                    start += len(self.text[start : self._span(argument)[0]].rpartition(",")[0])
                elif len(arguments) > 1:
                    end = self._span(arguments[1])[0]
                yield Edit(argument.lineno, start, end, "", f"{argument.arg} dropped")

    def _conditions(self, node: ast.If | ast.IfExp | ast.While | ast.comprehension) -> Iterator[Edit]:
        if isinstance(node, ast.comprehension):
            conditions, forced = node.ifs, ("True", "False")
        else:  # a loop forced to go on only waits for the time-out
            conditions, forced = [node.test], ("False",) if isinstance(node, ast.While) else ("True", "False")
        for condition in conditions:
            for new in forced:
                yield Edit(condition.lineno, *self._span(condition), new, "condition")

    def _in_blocks(self, function: FUNCTION) -> Iterator[Edit]:
        """Yield statements deleted and neighbors swapped, in all blocks of a function but those of nested ones."""
        own = list(_own(function))
        bound = {node.arg: 0 for node in own if isinstance(node, ast.arg)}
        for node in own:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                bound[node.id] = min(node.lineno, bound.get(node.id, node.lineno))
        blocks = (getattr(node, name, None) for node in own for name in ("body", "orelse", "finalbody"))
        for block in blocks:
            if isinstance(block, list):
                for statement in block:
                    if _can_be_deleted(statement, bound):
                        yield Edit(statement.lineno, *self._span(statement), "pass", "deleted")
                for one, other in pairwise(block):
                    if _can_be_swapped(one, other):
                        yield self._swap(one, other)

    def _swap(self, one: ast.stmt, other: ast.stmt) -> Edit:
        (start, middle), (after, end) = self._span(one), self._span(other)
        text = self._source(other) + self.text[middle:after] + self._source(one)
        return Edit(one.lineno, start, end, text, "swapped")


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """Yield a function and the nodes below it, but not what is below nested functions."""
    yield function
    for child in ast.iter_child_nodes(function):
        if isinstance(child, FUNCTION | ast.Lambda):
            yield child
        else:
            yield from _own(child)


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the children of a node that are executed where they stand: no annotations, no parameters."""
    for name, value in ast.iter_fields(node):
        if name != "annotation" and not isinstance(value, ast.arguments):
            yield from (each for each in (value if isinstance(value, list) else [value]) if isinstance(each, ast.AST))


def _left_alone(node: ast.AST) -> bool:
    """Return whether a node is no behavior: a text, an import, an assertion, the raising of an error, logging."""
    if isinstance(node, ast.Raise | ast.Assert | ast.Import | ast.ImportFrom | ast.JoinedStr | FUNCTION | ast.ClassDef):
        return True
    if isinstance(node, ast.keyword):
        return node.arg == "strict"
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) or _left_alone(node.value)
    if isinstance(node, ast.Call):
        words = ast.unparse(node.func).lower().split(".")
        return words[0].lstrip("_") in LOGGERS or words[-1] == "cast" or words[-1].endswith(("error", "warning"))
    return False


def _is_text(node: ast.AST) -> bool:
    return any(isinstance(n, ast.JoinedStr) or isinstance(getattr(n, "value", None), str) for n in ast.walk(node))


def _writes(statement: ast.stmt) -> set[str]:
    return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _reads(statement: ast.stmt) -> set[str]:
    return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _acts(statement: ast.stmt) -> bool:
    """Return whether a statement does more than bind names: a bare call, a write into something, a random draw."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Call | ast.Await | ast.Yield | ast.YieldFrom)
    if isinstance(statement, ast.Assign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return any(isinstance(t, ast.Attribute | ast.Subscript) for t in targets) or "rng" in _reads(statement)
    return False


def _can_be_deleted(statement: ast.stmt, bound: Mapping[str, int]) -> bool:
    """Return whether a statement may go: one that acts, or that binds a name again; a first binding fails anyway."""
    if _left_alone(statement):
        return False
    again = isinstance(statement, ast.Assign) and any(
        bound.get(n, statement.lineno) < statement.lineno for n in _writes(statement)
    )
    return isinstance(statement, ast.AugAssign | ast.Continue | ast.Break) or again or _acts(statement)


def _can_be_swapped(one: ast.stmt, other: ast.stmt) -> bool:
    """Return whether the order of two neighbors may matter, and neither needs a name that the other binds."""
    if _left_alone(one) or _left_alone(other):
        return False
    needs = _writes(one) & (_reads(other) | _writes(other)) or _writes(other) & _reads(one)
    return _acts(one) and _acts(other) and not needs
