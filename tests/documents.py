"""Documents that tests execute and check: their commands, their Python, their links and headings."""

import importlib.util
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def offline(**more: str) -> dict[str, str]:
    """Return an environment without MNIST, in which `auto` takes the digits; compiled programs are kept meanwhile."""
    kept = {name: value for name, value in os.environ.items() if name != "SOTTOVOCE_DATA"}
    path = f"{Path(sys.executable).parent}:{kept['PATH']}"
    programs = {"JAX_ENABLE_COMPILATION_CACHE": "true", "JAX_COMPILATION_CACHE_DIR": kept["PROGRAMS_OF_DOCUMENTS"]}
    return kept | programs | {"SOTTOVOCE_OFFLINE": "1", "PATH": path} | more


def run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder as a reader without MNIST would."""
    return subprocess.run(words, cwd=folder, env=offline(), check=False, capture_output=True, text=True)


def indented(text: str) -> list[str]:
    """Return the indented blocks of a page, without their indent."""
    return [re.sub(r"^    ", "", block, flags=re.M) for block in re.findall(r"(?:^    \S.*\n)+", text, flags=re.M)]


@dataclass(frozen=True)
class Step:
    """A block of a page that is executed, and what the page says it prints."""

    is_python: bool
    code: str
    printed: str | None


def steps(text: str) -> list[Step]:
    """Return a page's Python and indented `sottovoce` commands in order, each with the output block that follows."""
    blocks = re.findall(r"^```python\n((?s:.*?))^```|((?:^    \S.*\n)+)", text, flags=re.M)
    found: list[Step] = []
    for python, other in blocks:
        if python:
            found.append(Step(True, python, None))
        elif other.lstrip().startswith("sottovoce "):
            found += [Step(False, line.strip(), None) for line in other.splitlines()]
        elif found:
            found[-1] = Step(found[-1].is_python, found[-1].code, re.sub(r"^    ", "", other, flags=re.M))
    return found


def without_code(text: str) -> str:
    """Return a page without fenced and inline code, in which nothing is a link."""
    return re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.M | re.S)


def links(text: str) -> list[str]:
    """Return the targets of a page's links and pictures that lie in the repository."""
    targets = re.findall(r"\]\(([^)\s]+)\)", without_code(text))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def anchors(text: str) -> set[str]:
    """Return the anchors that a forge gives a page's headings."""
    headings = re.findall(r"^#+ +(.+)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def script(name: str) -> Any:
    """Return a script of docs/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
