"""What packages offer when first used: every name is there, names and stubs agree, and nothing else is."""

import ast
import importlib
from pathlib import Path

import pytest

import sottovoce

SOURCE = Path(sottovoce.__file__).parent
PACKAGES = [
    ".".join(("sottovoce", *path.parent.relative_to(SOURCE).parts)) for path in sorted(SOURCE.rglob("__init__.py"))
]
STUBS = sorted(SOURCE.rglob("__init__.pyi"))


@pytest.mark.parametrize("name", PACKAGES)
def test_every_name_that_is_offered_is_there(name: str):
    package = importlib.import_module(name)
    assert all(hasattr(package, offered) for offered in dir(package))
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = package.nothing_of_the_kind


@pytest.mark.parametrize("stub", STUBS, ids=lambda stub: stub.parent.name)
def test_stubs_name_what_is_offered(stub: Path):
    package = importlib.import_module(".".join(("sottovoce", *stub.parent.relative_to(SOURCE).parts)))
    imports = (node for node in ast.parse(stub.read_text()).body if isinstance(node, ast.ImportFrom))
    assert sorted(alias.asname for node in imports for alias in node.names) == dir(package)
