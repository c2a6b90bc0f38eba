import json
import subprocess
from datetime import datetime

import pytest

from sottovoce.runs import provenance


@pytest.fixture(autouse=True)
def fresh_commit():
    provenance._commit.cache_clear()
    yield
    provenance._commit.cache_clear()


def test_description_is_json_with_versions_and_time():
    described = json.loads(json.dumps(provenance.describe(1.23456)))
    assert described["wall_seconds"] == 1.235
    assert described["versions"]["numpy"]
    assert datetime.fromisoformat(described["finished"]).utcoffset() is not None
    assert described["device"]


@pytest.fixture
def repository(tmp_path, monkeypatch):
    def git(*arguments):
        identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        subprocess.run(["git", "-C", tmp_path, *identity, *arguments], check=True, capture_output=True)

    file = tmp_path / "src" / "sottovoce" / "runs" / "provenance.py"
    file.parent.mkdir(parents=True)
    file.touch()
    git("init")
    git("add", ".")
    git("commit", "-m", "one")
    monkeypatch.setattr(provenance, "__file__", str(file))
    return tmp_path


def test_commit_is_that_of_the_source_tree_and_tells_of_changes(repository):
    commit = provenance._commit()
    assert commit is not None
    assert len(commit) == 40
    provenance._commit.cache_clear()
    (repository / "src" / "sottovoce" / "runs" / "provenance.py").write_text("changed")
    assert provenance._commit() == f"{commit}-dirty"


def test_commit_of_a_project_that_merely_contains_the_package_is_not_ours(repository, monkeypatch):
    file = repository / ".venv" / "sottovoce" / "runs" / "provenance.py"
    file.parent.mkdir(parents=True)
    monkeypatch.setattr(provenance, "__file__", str(file))
    assert provenance._commit() is None


def test_no_git_is_no_failure(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert provenance._commit() is None
