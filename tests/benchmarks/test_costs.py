"""Seconds of predicting beside training: every row is there and positive. How long is for the machine to say."""

from dataclasses import replace

from sottovoce.benchmarks import costs
from sottovoce.training.students import Student


def test_everything_is_timed_and_epochs_are_multiplied(program, digits, monkeypatch):
    given = program((Student("student", "kl", 3),))
    images = digits._replace(train_pixels=digits.train_pixels[:64], train_labels=digits.train_labels[:64])
    clock = iter(range(1000))
    monkeypatch.setattr(costs.time, "perf_counter", lambda: float(next(clock)))
    found = costs.prediction_seconds(replace(given, images=images), directions=2, repeats=1)
    # A clock of one second a look: two looks a run, and two epochs of what runs through batches.
    assert found == {
        "train_student_s": 2.0,
        "predict_head_gram_s": 1.0,
        "predict_first_update_s": 1.0,
        "predict_kernel_regression_s": 1.0,
        "predict_linearized_s": 2.0,
    }
