"""Students observed along their training: the students of `transfer`, and overlaps written out for a linear network."""

import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sottovoce.errors import UsageError
from sottovoce.experiments.alignment import config as alignment_config
from sottovoce.experiments.alignment import experiment as alignment
from sottovoce.experiments.alignment import findings as analysis
from sottovoce.experiments.alignment import simulate as alignment_simulate
from sottovoce.experiments.alignment.overlaps import Probe, overlaps
from sottovoce.experiments.alignment.simulate import TreatedStudent, simulate, student_training
from sottovoce.experiments.protocol.interventions import Strengths
from sottovoce.experiments.protocol.program import member_program
from sottovoce.experiments.transfer import experiment as transfer
from sottovoce.networks.initialization import initialize
from sottovoce.networks.layers import Linear
from sottovoce.networks.mlp import MLP
from sottovoce.training.axes import unstack
from sottovoce.training.loop import weighted_mean
from sottovoce.training.objectives import mse
from sottovoce.training.program import DistillationSet
from sottovoce.training.students import Student

SMALL = alignment.Config.smoke()


@pytest.fixture(scope="module")
def result(smoke):
    return smoke("alignment")


def test_students_without_intervention_are_those_of_transfer(result, smoke):
    there = smoke("transfer")["accuracy"]
    for role in ("reference", "teacher", "student", "student_all", "cross_model"):
        # Another program rounds differently, so two near ties of 355 images may fall the other way.
        np.testing.assert_allclose(result["accuracy"].sel(role=role), there.sel(role=role), atol=2.5 / 355)


def test_the_trace_starts_at_the_start_and_ends_at_the_end(result):
    reference = result["accuracy"].sel(role="reference", drop=True)
    own = result["student_accuracy"].isel(step=0, drop=True).drop_sel(student="cross_model")
    np.testing.assert_array_equal(own, np.broadcast_to(reference.values[:, None], own.shape))
    crossed = result["student_accuracy"].isel(step=0).sel(student="cross_model")
    # An independent network has other losses. (Its share of 355 images can be the same by chance.)
    assert crossed.dims == reference.dims
    loss = result["class_loss"].isel(step=0)
    assert (loss.sel(student="cross_model") != loss.drop_sel(student="cross_model")).all()
    last = result["student_accuracy"].isel(step=-1, drop=True)
    np.testing.assert_array_equal(last, result["accuracy"].sel(role=result["student"].values))
    np.testing.assert_array_equal(result["teacher_accuracy"][:, -1], result["accuracy"].sel(role="teacher"))
    assert result["step"].values.tolist() == [0, 1, 2, 4]
    # Nobody has gone anywhere at the start, and every cosine is one.
    along = result["cosine"].sel(overlap="way_teacher")
    assert np.isnan(along.isel(step=0)).all()
    assert np.isfinite(result["cosine"].isel(step=slice(1, None))).all()
    assert (np.abs(result["cosine"].drop_sel(overlap="way_teacher")) <= 1 + 1e-6).all()


def test_at_the_start_all_students_of_one_reference_are_one(result):
    start = result.isel(step=0).sel(overlap=["gradient_class", "gradient_teacher"])
    for name in ("inner", "cosine", "cosine_null", "auxiliary_loss", "class_loss"):
        values = start[name].drop_sel(student="cross_model")
        np.testing.assert_array_equal(values, values.isel(student=[0]).values.repeat(values.sizes["student"], axis=1))


def test_at_zero_strength_every_intervention_is_the_plain_student(result):
    nothing = {"projection": 0.0, "penalty": 0.0, "decay": 0.0, "target_noise": 0.0, "mix": 1.0}
    found = simulate(replace(SMALL, **nothing).resolve(), (0, 1))
    found = found.sel(student=list(("student", *alignment_config.INTERVENTIONS)))
    for name in ("student_accuracy", "auxiliary_loss", "class_loss", "inner", "cosine", "cosine_null"):
        plain = found[name].sel(student=["student"]).values.repeat(found.sizes["student"], axis=1)
        # One program for all: not even rounding differs.
        np.testing.assert_array_equal(found[name], plain)
        np.testing.assert_array_equal(found[name].sel(student="student"), result[name].sel(student="student"))


def test_a_projected_step_does_not_lower_the_class_loss_and_a_plain_one_does(result):
    inner = result["inner"].sel(overlap="step_class").isel(step=0)
    assert (inner.sel(student="student") > 0).all()
    # Projected on one batch of 64, looked at on another.
    assert (inner.sel(student="step_projection") < 0.3 * inner.sel(student="student")).all()


def test_a_second_teacher_draws_the_student_from_its_own(result):
    found = simulate(replace(SMALL, mix=0.0).resolve(), (0, 1)).isel(step=-1)
    loss = found["auxiliary_loss"]
    assert (loss.sel(student="two_teachers") > 1.5 * loss.sel(student="student")).all()


def test_what_diverges_is_flagged_and_left_out():
    found = simulate(replace(SMALL, decay=1e30).resolve(), (0, 1))
    assert found["diverged"].all()
    assert not simulate(replace(SMALL, decay=0.5).resolve(), (0, 1))["diverged"].any()
    mixed = found.assign(diverged=("member", np.array([True, False])))
    assert analysis.traces(mixed).attrs["members"] == 1


def test_loss_and_penalty_have_the_temperature_of_the_field():
    """The loss of a student on its way, held by a penalty, written out at a temperature of four."""
    config = replace(SMALL, temperature=4.0).resolve()
    program = member_program(config, (Student("held", "kl", 3),), n_aux=3)
    architecture = program.protocol.architecture
    start, teacher, network = (initialize(architecture, jax.random.key(i)) for i in range(3))
    x = jax.random.normal(jax.random.key(3), (64, architecture.n_inputs))
    targets, empty = teacher(x), DistillationSet(())
    (student,) = unstack(program.traced.students)
    held = TreatedStudent(start, student, Strengths(penalty=2.0))
    training = student_training(program, empty, targets.std(axis=0), jnp.asarray(0), held)
    batch = (x, jnp.stack([targets, targets], axis=1), jnp.asarray(0))
    found, recorded = training.loss(network, batch, jnp.ones(64))

    def kl(p_logits, q_logits):
        log_p, log_q = (jax.nn.log_softmax(logits / 4) for logits in (p_logits, q_logits))
        return float(jnp.sum(jnp.exp(log_p) * (log_p - log_q), axis=1).mean())

    plain = kl(targets[:, 10:], network(x)[:, 10:])
    assert float(recorded) == pytest.approx(plain, rel=1e-4)
    assert float(found) == pytest.approx(plain + 2 * kl(start(x), network(x)), rel=1e-4)


def test_overlaps_of_a_linear_network_are_matrix_products():
    rng = np.random.default_rng(0)
    x, images = rng.standard_normal((20, 6)), rng.standard_normal((30, 6))
    W, C, Z, b = (rng.standard_normal(shape) for shape in ((6, 5), (5, 4), (5, 3), 5))
    W_0 = W - 0.1 * rng.standard_normal((6, 5))
    displacements = [(rng.standard_normal((6, 5)), rng.standard_normal(5)) for _ in range(2)]
    targets, labels = rng.standard_normal((20, 7)), rng.integers(4, size=(2, 30))
    rate = 0.25

    def single(W):
        blocks = [Linear(jnp.asarray(w, jnp.float32), jnp.asarray(v, jnp.float32))
                  for w, v in ((W, b), (C, np.zeros(4)), (Z, np.zeros(3)))]  # fmt: skip
        return MLP((blocks[0],), blocks[1], blocks[2], "linear")

    def on_aux_logits(network, batch, weights):
        mask = jnp.arange(7) >= 4
        value = weighted_mean(mse(network(batch[0]), batch[1], mask, jnp.ones(())), weights)
        return value, value

    float32 = [jnp.asarray(values, jnp.float32) for values in (x, targets, images)]
    trunks = [(Linear(*(jnp.asarray(leaf, jnp.float32) for leaf in displacement)),) for displacement in displacements]
    optimizer = optax.sgd(rate)
    network = single(W)
    inputs, wanted, seen = float32
    probe = Probe(inputs, wanted, seen, jnp.asarray(labels), displacement=trunks[0], partner_displacement=trunks[1])
    found = jax.jit(
        lambda network: overlaps(network, optimizer.init(network), on_aux_logits, optimizer, single(W_0), probe)
    )(network)
    error = (x @ W + b) @ Z - targets[:, 4:]
    slope = 2 / (20 * 3) * error @ Z.T
    aux = -np.concatenate([(x.T @ slope).ravel(), slope.sum(axis=0)])
    logits = (images @ W + b) @ C
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    down = []
    for row in labels:
        slope = (p - np.eye(4)[row]) @ C.T / 30
        down.append(-np.concatenate([(images.T @ slope).ravel(), slope.sum(axis=0)]))
    taught = [np.concatenate([weight.ravel(), bias]) for weight, bias in displacements]
    own = np.concatenate([(W - W_0).ravel(), np.zeros(5)])
    pairs = [(aux, down), (aux, taught), (rate * aux, down), (rate * aux, taught), (own, taught)]
    inner = [a @ both[0] for a, both in pairs]
    cosines = [[a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in both] for a, both in pairs]
    np.testing.assert_allclose(found["inner"], inner, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found["cosine"], np.array(cosines)[:, 0], atol=1e-5)
    np.testing.assert_allclose(found["cosine_null"], np.array(cosines)[:, 1], atol=1e-5)
    assert float(found["auxiliary_loss"]) == pytest.approx((error**2).mean(), rel=1e-5)
    assert float(found["class_loss"]) == pytest.approx(-np.log(p[np.arange(30), labels[0]]).mean(), rel=1e-5)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"interventions": ("projektion",)}, "interventions is 'projektion'; allowed: projection,"),
        ({"interventions": ("held", "held")}, "none twice"),
        ({"projection": 1.5}, "projection is 1.5; allowed: 0 to 1, a share"),
        ({"mix": -0.5}, "mix is -0.5; allowed: 0 to 1"),
        ({"penalty_until": 2.0}, "penalty_until is 2.0; allowed: 0 to 1"),
        ({"penalty": -1.0}, "penalty is -1.0; allowed: zero or a positive number"),
        ({"decay": float("nan")}, "decay is nan"),
        ({"target_noise": float("inf")}, "target_noise is inf"),
        (
            {"student_depth": 3},
            "student_depth is 3; allowed: 2, the teacher's, for displacements of the two are compared",
        ),
        ({"n_probe": 0}, "n_probe is 0; allowed: 1 or more"),
        ({"n_probe": 1443}, "n_probe is 1443; allowed: 1 to 1442, the smaller of the 1442 training images"),
    ],
)
def test_refuses(fields, words):
    with pytest.raises(UsageError) as caught:
        alignment.Config(**{"dataset": "digits"} | fields).resolve()
    assert words in str(caught.value)


def test_interventions_are_chosen_by_name():
    config = replace(SMALL, interventions=("decay",)).resolve()
    assert config.roles() == ("student", "student_all", "cross_model", "unrelated", "decay")
    assert config.n_students() == 5
    given = alignment_simulate.strengths(config)
    assert given["decay"].decay == config.decay
    assert given["student"] == given["cross_model"] == type(given["student"])()
    assert given["unrelated"].unrelated == 1


def test_the_fields_of_transfer_are_those_of_alignment_and_its_own():
    own = {"interventions", "projection", "penalty", "penalty_until", "decay", "target_noise", "mix", "n_probe"}
    assert set(alignment.Config.__dataclass_fields__) == set(transfer.Config.__dataclass_fields__) | own


def test_fresh_inputs_and_convolutions_run_too():
    config = replace(SMALL, seed=0, fresh_inputs=True, channels=(2,), n_probe=32, members=1).resolve()
    found = simulate(config, (0,))
    assert not found["diverged"].any()
    assert np.isfinite(found["cosine"].isel(step=-1)).all()
    # A convolution's weights are part of the trunk, and of what is projected.
    inner = found["inner"].sel(overlap="step_class").isel(step=0)
    assert (inner.sel(student="step_projection") < 0.3 * inner.sel(student="student")).all()


def test_the_command_prints_ends_and_overlaps(tmp_path, capsys):
    from sottovoce.cli.main import main

    small = ["--dataset", "digits", "--members", "2", "--width", "16", "--teacher-epochs", "2", "--student-epochs", "1"]
    main(
        [
            "run",
            "alignment",
            *small,
            "--n-inputs",
            "256",
            "--n-probe",
            "64",
            "--json",
            "--quiet",
            "--out",
            str(tmp_path),
        ]
    )
    rows = json.loads(capsys.readouterr().out)["table"]
    assert list(rows)[:5] == ["reference", "teacher", "student", "student_all", "cross_model"]
    assert rows["projection, cosine of step and class loss, null"]["quantity"] == "mean cosine"
    assert rows["student, auxiliary loss over the student's"]["mean"] == 1
