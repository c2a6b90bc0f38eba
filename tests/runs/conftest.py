import os
from pathlib import Path

import pytest


# For this folder alone: the tests of others start programs that are to find the installed package.
@pytest.fixture(autouse=True, scope="package")
def importable_by_children():
    """Let the fork server import the fake experiment, and the package where it is not installed."""
    folders = [
        str(Path(__file__).parent),
        str(Path(__file__).parents[2] / "src"),
        os.environ.get("PYTHONPATH", ""),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, folders)))
        yield
