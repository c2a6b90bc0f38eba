"""The protocol: what may move, what each network starts from, and that a student does not feel its company."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sottovoce.data.inputs import distillation_inputs
from sottovoce.streams import Stream, member_key
from sottovoce.training.axes import unstack
from sottovoce.training.ensemble import run_members
from sottovoce.training.protocol import unrelated_labels
from sottovoce.training.students import FRESH, REFERENCE, TEACHER, SourceWeights, Student, arrays_of

# Students take six steps of at most 1e-3. A program of another shape rounds each gradient by 6e-8 of its terms, which
# Adam's normalization magnifies where a gradient is small: 3e-6 in the worst weight seen. A wrong step is 1e-3.
ROUNDING = 2e-5


def layers(network):
    return {"trunk": network.trunk, "class_head": network.class_head, "aux_head": network.aux_head}


def unchanged(before, after):
    """Name the blocks of which no bit differs."""
    same = jax.tree.map(lambda a, b: bool((np.asarray(a) == np.asarray(b)).all()), layers(before), layers(after))
    return {name for name, block in same.items() if all(jax.tree.leaves(block))}


def assert_close(network, other, atol=ROUNDING):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=atol), network, other)


@pytest.mark.parametrize(
    ("student", "expected"),
    [
        (Student("a", "kl", 2), [0, 0, 0, 1, 1, 0]),
        (Student("b", "kl", 3, all_logits=True), [1, 1, 1, 1, 1, 1]),
        (Student("c", "mse", 1, all_logits=True), [1, 1, 1, 1, 0, 0]),
    ],
)
def test_masks_take_the_first_auxiliary_logits(student, expected):
    from sottovoce.networks.initialization import Architecture

    arrays = arrays_of(Architecture(n_inputs=1, widths=(1,), n_class=3, n_aux=3), (student,))
    np.testing.assert_array_equal(arrays.masks, [expected])


def test_only_what_an_objective_sees_ever_moves(eight, partners):
    student, all_logits, cross, one = eight.students
    assert unchanged(eight.reference, eight.teacher) == {"aux_head"}
    assert unchanged(eight.reference, student) == {"class_head"}
    assert unchanged(eight.reference, all_logits) == set()
    assert unchanged(eight.reference, one) == {"class_head"}
    np.testing.assert_array_equal(one.aux_head.weight[..., 1:], eight.reference.aux_head.weight[..., 1:])
    assert (one.aux_head.weight[..., 0] != eight.reference.aux_head.weight[..., 0]).all()
    # The class head of an untrained partner.
    np.testing.assert_array_equal(cross.class_head.weight, partners(8).class_head.weight)


def test_losses_fall_and_every_network_is_scored_on_the_test_images(eight, digits):
    assert eight.accuracy.shape == (8, 6)
    assert eight.teacher_loss.shape == (8, 2, 1)
    assert eight.student_loss.shape == (8, 2, 4)
    assert (eight.teacher_loss[:, 1] < eight.teacher_loss[:, 0]).all()
    assert (eight.student_loss[:, 1] < eight.student_loss[:, 0]).all()
    x = np.asarray(digits.scaled(digits.test_pixels), np.float64)
    for member, role, network in ((0, 1, eight.teacher), (5, 2, eight.students[0])):
        h = x
        for layer in network.trunk:
            h = np.maximum(h @ layer.weight[member] + layer.bias[member], 0)
        logits = h @ network.class_head.weight[member] + network.class_head.bias[member]
        share = np.mean(logits.argmax(axis=1) == np.asarray(digits.test_labels))
        # Rounding may decide a near tie, one image of 200.
        assert eight.accuracy[member, role] == pytest.approx(share, abs=1.5 / 200)


def test_a_member_is_the_protocol_written_out(eight, digits, plain_training, partners):
    member = 5
    here = partial(jax.tree.map, lambda v: v[member])
    keys = {stream: member_key(0, stream, member) for stream in Stream}
    images = np.asarray(digits.train_pixels, np.float32) / 16 * 2 - 1

    def teacher_loss(network, batch):
        return optax.softmax_cross_entropy_with_integer_labels(network(batch[0])[:, :10], batch[1]).mean()

    def student_loss(network, batch):
        student, teacher = network(batch[0])[:, 10:], batch[1][:, 10:]
        return optax.kl_divergence(jax.nn.log_softmax(student), jax.nn.softmax(teacher)).mean()

    labeled = (images, np.asarray(digits.train_labels))
    teacher = plain_training(here(eight.reference), teacher_loss, labeled, keys[Stream.TEACHER_BATCHES])
    assert_close(teacher, here(eight.teacher))
    noise = distillation_inputs(
        "uniform", keys[Stream.DISTILLATION_INPUTS], (150, 64), digits.scaled(digits.train_pixels)
    )
    distilled = (np.asarray(noise), np.asarray(here(eight.teacher)(noise)))
    for role, start in ((0, eight.reference), (2, partners(8))):
        student = plain_training(here(start), student_loss, distilled, keys[Stream.STUDENT_BATCHES])
        assert_close(student, here(eight.students[role]))


def test_teacher_and_students_have_their_own_optimizer_rate_and_decay(program, students):
    given = program(students[:1], teacher_optimizer="sign", student_optimizer="sgd")
    rates = {"teacher_rate": 0.01, "student_rate": 0.02, "student_decay": 5.0}
    traced = given.traced._replace(**{name: jnp.asarray(value) for name, value in rates.items()})
    reference, teacher, (student,), *_ = run_members(replace(given, traced=traced), (0,))
    # Ten steps of the teacher, each of which adds 0.01, takes it, or does nothing where the gradient is exactly zero.
    moved = (teacher.trunk[0].weight - reference.trunk[0].weight) / 0.01
    assert np.abs(moved).max() == pytest.approx(10, abs=1e-3)
    np.testing.assert_allclose(moved, np.round(moved), atol=1e-3)
    # No gradient reaches the student's class head, so six steps leave it (1 - 0.02 * 5)^6 of itself.
    np.testing.assert_allclose(student.class_head.weight, 0.9**6 * reference.class_head.weight, atol=1e-6)
    assert np.abs(student.trunk[0].weight - 0.9**6 * reference.trunk[0].weight).max() > 1e-4


@pytest.mark.parametrize("company", [(2,), (0, 1, 2), (2, 1, 0), (7, 2)])
def test_a_member_is_the_same_in_any_company_and_order(eight, ensemble, students, company):
    other = ensemble(company, students)
    for i, member in enumerate(company):
        mine, theirs = (jax.tree.map(lambda v, i=i: v[i], run) for run, i in ((other, i), (eight, member)))
        assert unchanged(mine.reference, theirs.reference) == {"trunk", "class_head", "aux_head"}
        assert_close(mine.teacher, theirs.teacher)
        assert_close(mine.students, theirs.students)
        # Two near ties of 200 images may fall the other way.
        np.testing.assert_allclose(mine.accuracy, theirs.accuracy, atol=2.5 / 200)
        np.testing.assert_allclose(mine.teacher_loss, theirs.teacher_loss, atol=ROUNDING)
        np.testing.assert_allclose(mine.student_loss, theirs.student_loss, atol=ROUNDING)


def test_members_and_seeds_differ(eight, ensemble, students):
    assert len(np.unique(eight.reference.trunk[0].weight[:, 0, 0])) == 8
    other = ensemble((2, 3), students, seed=1)
    assert len(np.unique([other.reference.trunk[0].weight[:, 0, 0], eight.reference.trunk[0].weight[2:4, 0, 0]])) == 4


def test_students_do_not_feel_how_many_columns_are_built_nor_their_company(eight, otherwise_built):
    student, _, cross, one = (jax.tree.map(lambda v: v[2:4], network) for network in eight.students)
    for mine, theirs in zip(otherwise_built.students, (one, student, cross), strict=True):
        assert_close(jax.tree.map(lambda v: v[..., :3], mine.aux_head), theirs.aux_head)
        assert_close((mine.trunk, mine.class_head), (theirs.trunk, theirs.class_head))
    np.testing.assert_allclose(otherwise_built.student_loss, eight.student_loss[2:4][:, :, [3, 0, 2]], atol=ROUNDING)


def test_students_that_take_their_steps_in_groups_are_those_that_take_them_together(eight, ensemble, students):
    order = (3, 1, 2, 0, 1, 3)
    grouped = ensemble((2, 3), tuple(replace(students[i], role=f"{i} {place}") for place, i in enumerate(order)))
    for i, student in zip(order, grouped.students, strict=True):
        assert_close(student, jax.tree.map(lambda v: v[2:4], eight.students[i]))
    np.testing.assert_allclose(grouped.student_loss, eight.student_loss[2:4][:, :, order], atol=ROUNDING)


@pytest.fixture(scope="module")
def starts(program, students):
    """Reference and students' starts of members 0 to 3, with the teacher's heads or fresh ones."""
    from sottovoce.training.protocol import initial_networks, student_sources, student_starts

    # One program serves all perturbations and gains.
    @jax.jit
    def drawn(given):
        def start(member):
            initial = initial_networks(given, member)
            sources = student_sources(given, initial, initial.reference, member)
            return initial.reference, tuple(unstack(student_starts(given, sources, member)))

        return jax.vmap(start)(jnp.arange(4))

    def of(fresh_heads, n_built=3, perturbation=0.0, gain=1.0):
        given = program(students, fresh_heads=fresh_heads, n_built=n_built, perturbation=perturbation)
        return drawn(replace(given, traced=given.traced._replace(gain=jnp.asarray(gain))))

    return of


def test_a_cross_model_starts_from_its_partner(starts, partners):
    reference, (student, all_logits, cross, one) = starts(fresh_heads=False)
    for own in (student, all_logits, one):
        assert unchanged(reference, own) == {"trunk", "class_head", "aux_head"}
    assert unchanged(partners(4), cross) == {"trunk", "class_head", "aux_head"}
    assert unchanged(reference, cross) == set()


def test_a_perturbed_start_moves_by_its_share_of_a_fresh_draw_the_same_for_all_students(starts, partners):
    reference, (student, _, cross, _) = starts(fresh_heads=False, perturbation=0.5)
    _, (less, *_) = starts(fresh_heads=False, perturbation=0.25)
    moved, half, crossed = (
        jax.tree.map(np.subtract, layers(after), layers(before))
        for after, before in ((student, reference), (less, reference), (cross, partners(4)))
    )
    # Sums of numbers below 2, rounded to 6e-8 of that each.
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, 2 * b, atol=1e-6), moved, half)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), moved, crossed)
    # 4 x 64 x 16 weights of variance 1/64: their relative spread is known to sqrt(2 / 4096) = 2 %; five of them.
    scale = moved["trunk"][0].weight.std() / (0.5 / 8)
    assert abs(scale - 1) < 0.06


def test_the_gain_multiplies_everything_that_is_drawn(starts):
    for fresh_heads in (False, True):
        before, after = (starts(fresh_heads, perturbation=0.5, gain=gain) for gain in (1.0, 3.0))
        # One product more, and sums in another order: a rounding or two of 6e-8 of numbers below five.
        jax.tree.map(lambda a, b: np.testing.assert_allclose(3 * np.asarray(a), b, atol=2e-6), before, after)


def test_fresh_heads_replace_both_heads_of_every_student_and_nothing_else(starts, partners):
    reference, (student, _, cross, one) = starts(fresh_heads=True)
    _, (more, *_) = starts(fresh_heads=True, n_built=5)
    assert unchanged(reference, student) == {"trunk"}
    assert unchanged(student, one) == {"trunk", "class_head", "aux_head"}
    np.testing.assert_array_equal(cross.class_head.weight, student.class_head.weight)
    np.testing.assert_array_equal(cross.trunk[0].weight[:2], partners(2).trunk[0].weight)
    weights = np.asarray(student.class_head.weight)
    assert len(np.unique(weights)) == weights.size, "two members share fresh heads"
    np.testing.assert_array_equal(more.class_head.weight, student.class_head.weight)
    np.testing.assert_array_equal(more.aux_head.weight[..., :3], student.aux_head.weight)


def test_blocks_come_from_where_they_are_said_to_and_frozen_ones_stay(ensemble, partners):
    mixed = Student(
        "mixed",
        "mse",
        3,
        start=REFERENCE,
        other_starts=(
            ("trunk_1", FRESH),
            ("class_head", TEACHER),
            ("aux_head", SourceWeights(reference=0.5, partner=2.0)),
        ),
        frozen=("trunk_1", "class_head", "aux_head"),
    )
    run = ensemble((0, 1), (Student("whole", "mse", 3, frozen=("trunk_0",)), mixed), teacher_epochs=1)
    whole, student = run.students
    # Frozen blocks end where they start, bit for bit; the others move.
    np.testing.assert_array_equal(whole.trunk[0].weight, run.reference.trunk[0].weight)
    assert (whole.trunk[1].weight != run.reference.trunk[1].weight).mean() > 0.9
    assert (student.trunk[0].weight != run.reference.trunk[0].weight).mean() > 0.9
    np.testing.assert_array_equal(student.class_head.weight, run.teacher.class_head.weight)
    mixture = 0.5 * run.reference.aux_head.weight + 2 * partners(2).aux_head.weight
    np.testing.assert_allclose(student.aux_head.weight, mixture, atol=1e-6)
    drawn = np.stack([net.trunk[1].weight for net in (student, run.reference)]).reshape(4, -1)
    # 256 weights each: independent draws correlate by 1/16 or so; five standard errors.
    assert np.abs(np.corrcoef(drawn) - np.eye(4)).max() < 5 / 16


@pytest.fixture(scope="module")
def controlled(ensemble):
    """Members 0 and 1, with a student of each teacher and another one of the own teacher."""
    return ensemble(
        (0, 1), (Student("student", "kl", 3), Student("unrelated", "kl", 3, unrelated=True), Student("one", "mse", 1))
    )


def test_an_unrelated_teacher_changes_nothing_for_the_others(controlled, eight):
    student, _, one = controlled.students
    for mine, index in ((student, 0), (one, 3)):
        assert_close(mine, jax.tree.map(lambda leaf: leaf[:2], eight.students[index]))
    assert_close(controlled.teacher, jax.tree.map(lambda leaf: leaf[:2], eight.teacher))
    np.testing.assert_allclose(controlled.teacher_loss[..., 0], eight.teacher_loss[:2, :, 0], atol=ROUNDING)
    # Reference, both teachers, students.
    assert controlled.accuracy.shape == (2, 6)
    np.testing.assert_array_equal(controlled.accuracy[:, [0, 1, 3, 5]], eight.accuracy[:2, [0, 1, 2, 5]])


def test_the_unrelated_student_is_distilled_from_a_teacher_of_permuted_labels(controlled, program, digits):
    """By a second route: the unrelated teacher is the teacher of a program whose labels are permuted."""
    given = program((Student("student", "kl", 3),))
    for member in (0, 1):
        labels = unrelated_labels(given, jnp.asarray(member))
        assert sorted(labels.tolist()) == sorted(np.asarray(digits.train_labels).tolist())
        # Of ten classes a tenth of the labels are right by chance, with a standard deviation of 1.7 % of 300.
        assert np.mean(np.asarray(labels) == np.asarray(digits.train_labels)) < 0.1 + 5 * 0.017
        alone = run_members(replace(given, images=digits._replace(train_labels=labels)), (member,))
        unrelated = jax.tree.map(lambda leaf, i=member: leaf[i : i + 1], controlled.students[1])
        assert_close(unrelated, alone.students[0])
        np.testing.assert_allclose(controlled.teacher_loss[member, :, 1], alone.teacher_loss[0, :, 0], atol=ROUNDING)
    first, second = (np.asarray(unrelated_labels(given, jnp.asarray(member))) for member in (0, 1))
    assert (first != second).any()
