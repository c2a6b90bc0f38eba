"""Predictions beside the students that they predict: limits where both must agree, and what is refused."""

import itertools
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sottovoce.errors import UsageError
from sottovoce.experiments.prediction import config as prediction_config
from sottovoce.experiments.prediction import experiment as prediction
from sottovoce.experiments.prediction import simulate
from sottovoce.experiments.prediction.config import TABLE
from sottovoce.experiments.prediction.simulate import PredictionProgram, predict_members
from sottovoce.experiments.protocol.program import images_of, member_program
from sottovoce.measure import heads
from sottovoce.streams import Stream
from sottovoce.training.distillation import distillation_set
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


@pytest.fixture(scope="module")
def again():
    """The smallest configuration's program, its trained members, and their predictions, made another time."""
    config = prediction.Config.smoke().resolve()
    students = tuple(Student(f"{objective} 3", objective, 3) for objective in config.objectives)
    program = member_program(config, students, n_aux=config.n_aux_built)
    trained = run_members(program, (0, 1))
    made = PredictionProgram(program, config.objectives, config.directions)
    return config, program, trained, predict_members(made, (0, 1), trained.reference, trained.teacher)


def entry(tree, i):
    return jax.tree.map(lambda leaf: leaf[i], tree)


def logits_of(networks, i, images):
    return np.asarray(entry(networks, i).class_logits(jnp.asarray(images)))


def test_the_self_consistent_logits_are_weighed_by_accuracy_on_training_images(result, again):
    """Scores from the logits by plain counting, with the weight from the definition, solved by bisection."""
    config, _, trained, predicted = again
    images = images_of(config)
    for i, name in itertools.product(range(2), ("self_consistent", "self_consistent_independent")):
        kernels = entry(predicted.independent if "independent" in name else predicted.own, i)
        start = logits_of(trained.reference, i, images.test_images)
        untrained, taught = entry(predicted.accuracies, i)
        for j, objective in enumerate(config.objectives):
            at_reference, at_teacher = (float(accuracy) for accuracy in kernels.accuracies[:, j])
            weight = solved(lambda w, r=at_reference, t=at_teacher: r + w * (t - r), float(untrained), float(taught))
            at = {"objective": objective, "n_aux": 3}
            saved = float(result["weight"].isel(member=i).sel(interpolation=name, **at))
            assert saved == pytest.approx(weight, abs=1e-6)
            logits = kernels.at_reference[j] + weight * (kernels.at_teacher[j] - kernels.at_reference[j])
            score = result.isel(member=i).sel(predictor=name, **at)
            # One image of 355 may be a near tie that rounding decides.
            correct = (logits.argmax(axis=1) == images.test_labels).mean()
            assert float(score["accuracy"]) == pytest.approx(correct, abs=1.5 / 355)
            true = logits_of(trained.students[j], i, images.test_images)
            expected = np.corrcoef((logits - start).ravel(), (true - start).ravel())[0, 1]
            assert float(score["correlation"]) == pytest.approx(expected, abs=1e-4)


def solved(accuracy, untrained, taught):
    """The weight at which the share of the teacher's accuracy that is recovered equals the weight."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        recovered = (accuracy(middle) - untrained) / (taught - untrained)
        low, high = (middle, high) if recovered > middle else (low, middle)
    return high


@pytest.fixture(scope="module")
def elsewhere(again):
    """Predictions of member 0 with some of its draws replaced, and weights from 100 images alone; compiled once."""
    config, program, trained, _ = again
    made = PredictionProgram(program, config.objectives, config.directions)
    key = type(program).key

    @jax.jit
    def predict(moved, *networks):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                type(program), "key", lambda self, stream, member: key(self, stream, member + 5 * moved[stream])
            )
            patch.setattr(simulate, "WEIGHT_IMAGES", 100)
            return simulate.predict_member(made, 0, *networks)

    def with_other(*streams):
        moved = np.isin(np.arange(len(Stream)), streams)
        return predict(moved.astype(int), entry(trained.reference, 0), entry(trained.teacher, 0))

    return with_other


def test_weights_are_from_the_last_training_images(again, elsewhere):
    config, _, trained, predicted = again
    images = images_of(config)
    for accuracies, n in ((predicted.accuracies[0], 1442), (elsewhere().accuracies, 100)):
        pixels, labels = images.train_images[-n:], images.train_labels[-n:]
        networks = (trained.reference, trained.teacher)
        counted = [heads.accuracy(logits_of(network, 0, pixels), labels) for network in networks]
        # Digits have 1442 training images, fewer than the most that are used; one may be a near tie.
        np.testing.assert_allclose(accuracies, counted, atol=1.5 / n)
    first = heads.accuracy(logits_of(trained.teacher, 0, images.train_images[:100]), images.train_labels[:100])
    assert abs(first - counted[1]) > 1.5 / 100


def test_no_prediction_depends_on_test_labels(again):
    config, program, trained, predicted = again
    labels = jnp.roll(program.images.test_labels, 7)
    other = eqx.tree_at(lambda one: one.images.test_labels, program, labels)
    made = PredictionProgram(other, config.objectives, config.directions)
    relabeled = predict_members(made, (0, 1), trained.reference, trained.teacher)
    for one, two in zip(jax.tree.leaves(predicted), jax.tree.leaves(relabeled), strict=True):
        np.testing.assert_array_equal(one, two)


def test_independent_predictions_are_on_the_inputs_and_batches_of_another_student(again):
    """Linearized training on that draw, composed here from its parts, with another compilation."""
    _, program, trained, predicted = again

    @jax.jit
    def linearized(reference, teacher, inputs, batches):
        data = distillation_set(program, teacher, inputs)
        return simulate.train_linearized(program, data, batches, reference, reference)

    pair = entry(trained.reference, 0), entry(trained.teacher, 0)
    test = program.test_images()
    for kernels, streams in (
        (predicted.own, (Stream.DISTILLATION_INPUTS, Stream.STUDENT_BATCHES)),
        (predicted.independent, (Stream.REPLICATE_INPUTS, Stream.REPLICATE_BATCHES)),
    ):
        ended = linearized(*pair, *(program.key(stream, 0) for stream in streams))
        logits = jax.vmap(lambda network: network.class_logits(test))(ended)
        np.testing.assert_allclose(kernels.at_reference[0], logits, atol=2e-4)
    assert np.abs(predicted.own.at_reference - predicted.independent.at_reference).max() > 1e-2


def test_what_is_declared_is_what_is_used(elsewhere):
    plain = named(elsewhere())
    for stream, used in ((Stream.DISTILLATION_INPUTS, "own_inputs"), (Stream.STUDENT_BATCHES, "own_batches")):
        other = named(elsewhere(stream))
        changed = {name for name in plain if not np.array_equal(plain[name], other[name])}
        assert changed == {one.name for one in TABLE if getattr(one, used) and one.name in plain}, stream


def named(predicted):
    """The predicted logits by the names of their predictors, without those that are made of others."""
    own, independent = predicted.own, predicted.independent
    return {
        name: getattr(predicted, name)
        for name in ("first_update", "kernel_regression", "finite_time", "relinearized", "retrained")
    } | {
        "linearized": own.linearized,
        "reference_kernel": own.at_reference,
        "teacher_kernel": own.at_teacher,
        "linearized_independent": independent.linearized,
    }


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
    for name, before in named(cold).items():
        after = named(warm)[name]
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
