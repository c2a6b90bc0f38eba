"""Predictions beside the students that they predict: limits where both must agree, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from sottovoce.errors import UsageError
from sottovoce.experiments.prediction import config as prediction_config
from sottovoce.experiments.prediction import experiment as prediction
from sottovoce.experiments.prediction.simulate import PredictionProgram, predict_members
from sottovoce.experiments.protocol.program import member_program
from sottovoce.training.ensemble import run_members
from sottovoce.training.students import Student


@pytest.fixture(scope="module")
def result(smoke):
    return smoke("prediction")


def test_every_predictor_scores_every_student(result):
    assert result["accuracy"].dims == ("member", "predictor", "objective", "n_aux")
    assert result["predictor"].values.tolist() == list(prediction_config.PREDICTORS)
    for name in ("accuracy", "correlation", "size"):
        assert np.isfinite(result[name]).all(), name
    assert ((result["accuracy"] >= 0) & (result["accuracy"] <= 1)).all()


def test_in_four_small_steps_the_kernel_has_not_moved(result):
    """Four steps at the smoke configuration's rate are within the reach of linearization."""
    near = result.sel(predictor=["linearized", "reference_kernel", "relinearized"])
    assert near["correlation"].min() > 0.9
    np.testing.assert_allclose(near["size"], 1, atol=0.1)
    np.testing.assert_allclose(near["accuracy"], result["student_accuracy"].broadcast_like(near["accuracy"]), atol=0.05)


def test_one_epoch_needs_no_new_expansion(result):
    once, anew = (result["accuracy"].sel(predictor=name) for name in ("reference_kernel", "relinearized"))
    np.testing.assert_allclose(once, anew, atol=1.5 / 355)


def test_the_self_consistent_prediction_lies_between_its_kernels(result):
    kernels = result["accuracy"].sel(predictor=["reference_kernel", "teacher_kernel"])
    mixed = result["accuracy"].sel(predictor="self_consistent")
    assert (kernels.min("predictor") - 1e-12 <= mixed).all()
    assert (mixed <= kernels.max("predictor") + 1e-12).all()


def test_another_student_is_not_the_same_student(result):
    again = result["correlation"].sel(predictor="retrained")
    assert ((again > 0.5) & (again < 0.999)).all()


def test_every_prediction_under_kl_is_made_at_the_temperature_of_the_students():
    students = tuple(Student(f"{objective} 3", objective, 3) for objective in ("kl", "mse"))
    config = prediction.Config.smoke()
    one, four = (
        member_program(replace(config, temperature=temperature).resolve(), students, n_aux=3)
        for temperature in (1.0, 4.0)
    )
    trained = run_members(one, (0, 1))
    cold, warm = (
        predict_members(
            PredictionProgram(program, ("kl", "mse"), config.directions), (0, 1), trained.reference, trained.teacher
        )
        for program in (one, four)
    )
    for name in cold._fields:
        before, after = getattr(cold, name), getattr(warm, name)
        assert (before[:, 0] != after[:, 0]).mean() > 0.5, name
        # Squared errors of logits know no temperature.
        np.testing.assert_array_equal(before[:, 1], after[:, 1])


def test_students_are_those_of_the_spectrum_experiment(smoke, result):
    """The same member, objective and number of logits is the same student in every experiment."""
    spectrum = smoke("transfer")["accuracy"].sel(role="student")
    # One image of 355 may be a near tie that rounding decides.
    np.testing.assert_allclose(result["student_accuracy"].sel(objective="kl", n_aux=3), spectrum, atol=1.5 / 355)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"n_aux": ()}, "n_aux is"),
        ({"n_aux": (3, 3)}, "n_aux is"),
        ({"objectives": ("kl", "kl")}, "objectives is"),
        ({"objectives": ("l2",)}, "allowed: kl, mse"),
        ({"n_aux": (1,)}, "n_aux is 1 with objective kl"),
        ({"perturbation": 0.1}, "perturbation is 0.1; allowed: 0"),
        ({"fresh_inputs": True}, "fresh_inputs is True; allowed: False"),
        ({"directions": 0}, "directions is 0; allowed: 1 or more"),
    ],
)
def test_refuses_impossible_fields(fields, message):
    with pytest.raises(UsageError, match=message):
        prediction.Config(dataset="digits", **fields).resolve()
