"""Parts by name: every built-in name has its function, and a user's own name is found beside them."""

import hashlib
import sys
from functools import partial
from importlib import import_module

import pytest

from sottovoce import parts
from sottovoce.errors import UsageError

WITH_FUNCTIONS = ("ACTIVATIONS", "INITIALIZATIONS", "PRECISIONS", "OPTIMIZERS", "OBJECTIVES", "INPUTS")


@pytest.fixture
def vocabulary():
    """Return a vocabulary of the built-in objectives that knows none of anyone's own."""
    return parts.Vocabulary("objective", parts.OBJECTIVES.built_in, "training.objectives")


@pytest.mark.parametrize("name", WITH_FUNCTIONS)
def test_every_built_in_name_is_that_of_a_function(name):
    found = getattr(parts, name)
    assert tuple(found) == found.built_in
    assert all(callable(function) for function in found.values())
    assert [function.__name__ for _, function in found.items()] == list(found.built_in)


def test_an_own_part_is_found_after_the_built_in_ones(vocabulary):
    def cosine():
        pass

    assert vocabulary.register("cosine")(cosine) is cosine
    assert tuple(vocabulary) == (*parts.OBJECTIVES.built_in, "cosine")
    assert vocabulary["cosine"] is cosine
    assert "cosine" in vocabulary
    assert vocabulary.own("cosine").origin.startswith("test_parts:test_an_own_part")
    assert len(vocabulary.own("cosine").digest) == 64
    assert vocabulary.own("kl") is None
    with pytest.raises(UsageError, match=r"objective is 'cosin'; allowed: kl, .*; did you mean 'cosine'\?"):
        vocabulary["cosin"]


def test_the_source_of_a_part_is_that_of_its_registration(vocabulary, tmp_path, monkeypatch):
    source = "def cosine():\n    return 1\n"
    (file := tmp_path / "changing_parts.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "changing_parts", module := import_module("changing_parts"))
    vocabulary.register("cosine")(module.cosine)
    # The function that runs is still the old one.
    file.write_text(source.replace("1", "200"))
    assert vocabulary.own("cosine").digest == hashlib.sha256(source.encode()).hexdigest()


def test_a_name_is_taken_once_and_a_function_defined_again_takes_its_own_place(vocabulary):
    def define(value):
        @vocabulary.register("cosine")
        def cosine():
            return value

    define(1)
    define(2)
    assert vocabulary["cosine"]() == 2
    with pytest.raises(UsageError, match=r"the name cosine is taken by test_parts:.*choose another"):
        vocabulary.register("cosine")(lambda: 3)
    with pytest.raises(UsageError, match="the name kl is taken by a built-in objective; choose another"):
        vocabulary.register("kl")(lambda: 3)
    assert vocabulary["cosine"]() == 2


@pytest.mark.parametrize("name", ["Cosine", "two words", "", "1st", 3, None])
def test_a_name_is_a_lower_case_word(vocabulary, name):
    with pytest.raises(UsageError, match=r"the name of the objective is .*; allowed: lower-case letters, digits and _"):
        vocabulary.register(name)


def test_what_is_registered_can_be_called(vocabulary):
    for given in (3, partial(print)):
        with pytest.raises(UsageError, match=r"the objective cosine is .*; allowed: a function or a class"):
            vocabulary.register("cosine")(given)
    assert "cosine" not in vocabulary


def test_a_broken_package_of_parts_is_left_out_with_a_warning(monkeypatch, caplog):
    class Point:
        name, value = "broken", "broken_parts"

        def load(self):
            raise ImportError("no module named broken_parts")

    monkeypatch.setattr(parts, "entry_points", lambda group: [Point()] if group == parts.GROUP else [])
    parts._installed.cache_clear()
    assert "kl" in tuple(parts.OBJECTIVES)
    assert caplog.messages == ["parts broken of broken_parts are left out: no module named broken_parts"]
    parts._installed.cache_clear()
