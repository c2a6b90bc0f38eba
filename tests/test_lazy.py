"""What packages offer when first used: every name is there, names and stubs agree, and nothing else is."""

import ast
import importlib
from pathlib import Path
from types import ModuleType

import pytest

import sottovoce
from sottovoce.errors import SottovoceError

SOURCE = Path(sottovoce.__file__).parent
PACKAGES = [
    ".".join(("sottovoce", *path.parent.relative_to(SOURCE).parts)) for path in sorted(SOURCE.rglob("__init__.py"))
]
STUBS = sorted(SOURCE.rglob("__init__.pyi"))


def offers(package: ModuleType, name: str) -> bool:
    """Return whether a name is there, or needs PyTorch, which is an extra, and says so."""
    try:
        return hasattr(package, name)
    except SottovoceError as error:
        return "PyTorch is not installed" in str(error)


@pytest.mark.parametrize("name", PACKAGES)
def test_every_name_that_is_offered_is_there(name: str):
    package = importlib.import_module(name)
    assert all(offers(package, offered) for offered in dir(package))
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = package.nothing_of_the_kind


@pytest.mark.parametrize("stub", STUBS, ids=lambda stub: stub.parent.name)
def test_stubs_name_what_is_offered(stub: Path):
    package = importlib.import_module(".".join(("sottovoce", *stub.parent.relative_to(SOURCE).parts)))
    imports = (node for node in ast.parse(stub.read_text()).body if isinstance(node, ast.ImportFrom))
    assert sorted(alias.asname for node in imports for alias in node.names) == dir(package)
