"""Whatever is wrong with a call from Python is said in a sentence that names the argument."""

import numpy as np
import pytest

import sottovoce as sv
from sottovoce.errors import UsageError

QUIET = sv.Execution(quiet=True)


def run(**settings):
    return sv.run("transfer", execution=QUIET, **({"dataset": "digits"} | settings))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sv.table(3), "dataset is 3; allowed: what run, sweep and load return"),
        (lambda: sv.plot("transfer"), "dataset is 'transfer'; allowed: what run, sweep and load return"),
        (lambda: sv.load(3), "name is 3; allowed: a run's name"),
        (lambda: sv.load("transfer", out=3), "out is 3; allowed: a folder's path"),
        (lambda: sv.list(3), "out is 3; allowed: a folder's path"),
        (lambda: sv.run(3), "experiment is 3; allowed: a name, or an instance"),
        (lambda: sv.run(sv.Experiment), "experiment is the class Experiment; give an instance of it"),
        (lambda: sv.run("transfer", execution="out"), "execution is 'out'; allowed: sottovoce.Execution"),
        (lambda: sv.sweep("transfer", 3), "a sweep is over 3; allowed: values by field"),
        (lambda: sv.sweep("transfer", points=[3]), "a sweep is over .3.; allowed: values by field"),
        (lambda: sv.sweep("transfer", {"n_aux": 3}), "n_aux is swept over 3; allowed: several values"),
        (lambda: sv.sweep("transfer", {"wdith": [3]}), "field is 'wdith'; allowed: .*did you mean 'width'"),
        (lambda: run(width="a"), "width is 'a'; allowed: 1 or more"),
        (lambda: run(width=2.5), "width is 2.5; allowed: 1 or more"),
        (lambda: run(width={}), "width is {}; allowed: 1 or more"),
        (lambda: run(members=np.arange(3)), r"members is \(0, 1, 2\); allowed: 1 or more"),
        (lambda: run(n_aux=np.array([2, 3])), r"n_aux is \(2, 3\); allowed: 1 or more"),
        (lambda: run(learning_rate="1e-3"), "learning_rate is '1e-3'; allowed: a positive number"),
        (lambda: run(objective=3), "objective is 3; allowed: kl"),
        (lambda: run(orthonormal_heads=1), "orthonormal_heads is 1; allowed: True, False"),
        (lambda: run(dataset=np.zeros((3, 2))), r"dataset is \(\(0.0"),
        (lambda: sv.Execution(out=3), "out is 3; allowed: a folder's path"),
        (lambda: sv.Execution(chunk="a"), "chunk is 'a'; allowed: a whole number"),
        (lambda: sv.Execution(device=3), "device is 3; allowed: a word"),
        (lambda: sv.train(3), "experiment is 3; allowed: a name"),
        (lambda: sv.train("transfer", of=2.5, dataset="digits"), "of has the member 2.5; allowed: 0 to 25"),
        (lambda: sv.register_intervention("x", on="loss"), "on is 'loss'; allowed: targets, gradient, step"),
    ],
)
def test_what_is_wrong_is_said_by_name(call, message):
    with pytest.raises(UsageError, match=message):
        call()


def test_settings_of_how_to_run_take_text_for_paths_and_numbers_of_numpy():
    made = sv.Execution(out="there", data_dir="data", devices=np.int64(2), patience=np.float64(3))
    assert (str(made.out), str(made.data_dir), type(made.devices), type(made.patience)) == ("there", "data", int, float)
