"""Students whose trunk is not the teacher's: what they share, what they do not, and that nothing else changes."""

from dataclasses import replace
from functools import partial

import jax
import numpy as np
import optax
import pytest

from sottovoce.data.inputs import distillation_inputs
from sottovoce.streams import Stream, member_key
from sottovoce.training.ensemble import run_members
from sottovoce.training.protocol import initial_networks, student_sources, student_starts
from sottovoce.training.students import (
    FRESH,
    PARTNER,
    TEACHER,
    Student,
    arrays_of,
    with_shared_blocks,
)

CONVOLVED = (("channels", (4, 2)),)
STUDENTS = (Student("student", "kl", 3), Student("cross", "kl", 3, start=PARTNER))
# Named as in the protocol at the size of tests: 64 pixels, two dense layers of 16.
TRUNKS = {
    "one layer more": {"widths": (16, 16, 16)},
    "one layer less": {"widths": (16,)},
    "narrower": {"widths": (8, 16)},
    "convolutions": {"channels": (3, 5)},
}
SHARED = {
    "one layer more": ["trunk_0", "trunk_1"],
    "one layer less": ["trunk_0"],
    "narrower": [],
    "convolutions": ["trunk_1"],
}


@pytest.fixture(scope="session")
def other_trunks(program):
    """Make a program whose students have another architecture, and a teacher's trunk if it is given."""

    def make(students=STUDENTS, teacher=(), gain=1.0, **trunk):
        given = program(students)
        architecture = replace(given.protocol.architecture, **dict(teacher))
        of_students = replace(given.protocol.architecture, **trunk)
        protocol = replace(given.protocol, architecture=architecture, student_architecture=of_students)
        traced = given.traced._replace(students=arrays_of(of_students, students), gain=gain)
        return replace(given, protocol=protocol, traced=traced)

    return make


@pytest.fixture(scope="session")
def drawn(other_trunks):
    """Return, for members 0 to 3, the reference, and the sources and starts of the students."""

    @jax.jit
    def draw(given):
        def one(member):
            initial = initial_networks(given, member)
            # Any network that is not the reference stands for the teacher.
            teacher = jax.tree.map(lambda leaf: leaf + 1, initial.reference)
            sources = student_sources(given, initial, teacher, member)
            return initial.reference, sources, student_starts(given, sources, member)

        return jax.vmap(one)(np.arange(4))

    def of(students=STUDENTS, **trunk):
        return draw(other_trunks(students, **trunk))

    return of


def by_name(network):
    names = [f"conv_{i}" for i in range(len(network.convolutions))]
    names += [f"trunk_{i}" for i in range(len(network.trunk))]
    return dict(zip((*names, "class_head", "aux_head"), network.blocks().values(), strict=True))


@pytest.mark.parametrize("trunk", TRUNKS)
def test_a_student_shares_the_layers_that_both_have_and_nothing_else(drawn, trunk):
    reference, sources, starts = drawn(**TRUNKS[trunk])
    start = sources.reference
    teachers, students = by_name(reference), by_name(start)
    same = [name for name, block in students.items() if name in teachers
            and block.weight.shape == teachers[name].weight.shape
            and (np.asarray(block.weight) == np.asarray(teachers[name].weight)).all()]  # fmt: skip
    assert same == [*SHARED[trunk], "class_head", "aux_head"]
    # The student that starts from its reference is it, bit for bit.
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[:, 0], b), starts, start)
    for name, block in students.items():
        if name in same or name not in teachers:
            continue
        # Not the same numbers in the same rows and columns, nor in the order in which they are drawn.
        own, theirs = (np.asarray(b.weight, np.float64) for b in (block, teachers[name]))
        rows, columns = (min(a, b) for a, b in zip(own.shape[1:], theirs.shape[1:], strict=True))
        n = min(own[0].size, theirs[0].size)
        for pair in (
            (own[:, :rows, :columns], theirs[:, :rows, :columns]),
            (own.reshape(4, -1)[:, :n], theirs.reshape(4, -1)[:, :n]),
        ):
            a, b = (np.ravel(values) for values in pair)
            assert abs(np.corrcoef(a, b)[0, 1]) < 5 / len(a) ** 0.5, name


def test_what_a_student_does_not_share_differs_between_members_and_has_the_schemes_spread(drawn):
    start = drawn(widths=(8, 16))[1].reference
    z = np.asarray(start.trunk[0].weight, np.float64).reshape(4, -1) * 8
    assert np.abs(np.corrcoef(z) - np.eye(4)).max() < 5 / z.shape[1] ** 0.5
    # 2048 numbers of variance one: known to sqrt(2 / 2048) of itself, five of these.
    assert abs(z.var() - 1) < 5 * (2 / z.size) ** 0.5


def test_a_cross_model_starts_from_its_partners_student_and_the_teachers_blocks_are_the_teachers(drawn, partners):
    mixed = (STUDENTS[1], Student("a", "kl", 3, start=TEACHER), Student("b", "kl", 3, start=FRESH))
    reference, sources, starts = drawn(mixed, channels=(3,))
    start, fresh = sources.reference, sources.fresh
    cross, taught, drawn_afresh = (jax.tree.map(lambda leaf, i=i: leaf[:, i], starts) for i in range(3))
    # What both trunks have is the partner's, and what only the student's has is of a stream of its own.
    partner, own = partners(4), partners(4, Stream.PARTNER_STUDENT_TRUNK, channels=(3,))
    jax.tree.map(np.testing.assert_array_equal, cross, jax.vmap(with_shared_blocks)(own, partner))
    np.testing.assert_array_equal(taught.trunk[1].weight, reference.trunk[1].weight + 1)
    np.testing.assert_array_equal(taught.class_head.weight, reference.class_head.weight + 1)
    # What no teacher has is the student's own.
    np.testing.assert_array_equal(taught.convolutions[0].weight, start.convolutions[0].weight)
    np.testing.assert_array_equal(taught.trunk[0].weight, start.trunk[0].weight)
    jax.tree.map(np.testing.assert_array_equal, drawn_afresh, fresh)
    for mine, own in zip(fresh.blocks().values(), start.blocks().values(), strict=True):
        assert (mine.weight != own.weight).all()


def test_the_gain_multiplies_what_students_do_not_share_as_well(drawn):
    once, thrice = (drawn(widths=(8, 16), gain=gain)[1].reference for gain in (1.0, 3.0))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(3 * np.asarray(a), b, rtol=2e-7), once, thrice)


def test_blocks_are_taken_by_name_and_shape_and_put_back_in_order(drawn):
    start = drawn(channels=(3, 5))[1].reference
    jax.tree.map(np.testing.assert_array_equal, start.with_blocks(list(start.blocks().values())), start)
    other = jax.tree.map(lambda leaf: leaf + 1, start)
    jax.tree.map(np.testing.assert_array_equal, with_shared_blocks(start, other), other)
    doubled = start.with_blocks([jax.tree.map(lambda leaf: 2 * leaf, block) for block in start.blocks().values()])
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a, 2 * np.asarray(b)), doubled, start)


@pytest.fixture(scope="module")
def convolved(other_trunks):
    """Train two members: a teacher with convolutions; perceptrons as students, one with a block that is frozen."""
    students = (*STUDENTS, Student("frozen", "mse", 3, frozen=("trunk_0", "aux_head")))
    return run_members(other_trunks(students, teacher=CONVOLVED), (0, 1))


def test_a_member_with_two_trunks_is_the_protocol_written_out(convolved, drawn, digits, plain_training):
    member = 1
    here = partial(jax.tree.map, lambda v: v[member])
    keys = {stream: member_key(0, stream, member) for stream in Stream}

    def teacher_loss(network, batch):
        return optax.softmax_cross_entropy_with_integer_labels(network(batch[0])[:, :10], batch[1]).mean()

    def student_loss(network, batch):
        student, teacher = network(batch[0])[:, 10:], batch[1][:, 10:]
        return optax.kl_divergence(jax.nn.log_softmax(student), jax.nn.softmax(teacher)).mean()

    images = digits.scaled(digits.train_pixels)
    labeled = (np.asarray(images), np.asarray(digits.train_labels))
    teacher = plain_training(here(convolved.reference), teacher_loss, labeled, keys[Stream.TEACHER_BATCHES])
    assert_close(teacher, here(convolved.teacher))
    noise = distillation_inputs("uniform", keys[Stream.DISTILLATION_INPUTS], (150, 64), images)
    distilled = (np.asarray(noise), np.asarray(here(convolved.teacher)(noise)))
    reference, sources, _ = drawn(teacher=CONVOLVED)
    start = sources.reference
    assert_close(here(reference), here(convolved.reference))
    student = plain_training(here(start), student_loss, distilled, keys[Stream.STUDENT_BATCHES])
    assert_close(student, here(convolved.students[0]))
    tested = digits.scaled(digits.test_pixels)
    scored = [convolved.reference, convolved.teacher, *convolved.students]
    for found, network in zip(convolved.accuracy[member], scored, strict=True):
        logits = np.asarray(here(network)(tested))[:, :10]
        # Rounding may decide a near tie, one image of 200.
        assert found == pytest.approx(np.mean(logits.argmax(axis=1) == np.asarray(digits.test_labels)), abs=1.5 / 200)


def test_frozen_blocks_of_another_trunk_stay(convolved, drawn):
    start = drawn(teacher=CONVOLVED)[1].reference
    before, after = by_name(start), by_name(convolved.students[2])
    # Drawn inside two programs: a rounding of 6e-8; a step moves a weight by up to 1e-3.
    same = {name for name in after if np.abs(before[name].weight[:2] - after[name].weight).max() < 1e-6}
    # No label reaches the class head either.
    assert same == {"trunk_0", "class_head", "aux_head"}


def assert_close(network, other):
    # Six steps of Adam: see test_protocol.ROUNDING.
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-5), network, other)
