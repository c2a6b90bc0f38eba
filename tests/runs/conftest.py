import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="session")
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
