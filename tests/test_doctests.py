"""The examples in docstrings of closed forms and measurements print what they say."""

import doctest
import importlib

import pytest

# Modules whose functions have examples, and how many have one: an example that is lost is noticed.
EXAMPLES = {
    "theory.capture": 4,
    "theory.dynamics": 1,
    "theory.linear": 2,
    "theory.predictors": 1,
    "theory.random_matrix": 3,
    "measure.heads": 1,
    "measure.similarity": 1,
    "measure.spectra": 3,
    "measure.statistics": 2,
    "measure.subspaces": 2,
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_print_what_they_say(name: str):
    module = importlib.import_module(f"sottovoce.{name}")
    found = [test for test in doctest.DocTestFinder().find(module) if test.examples]
    assert len(found) == EXAMPLES[name]
    assert doctest.testmod(module).failed == 0
