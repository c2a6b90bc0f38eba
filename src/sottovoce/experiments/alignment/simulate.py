"""One member's teacher and students, watched along their training, as one pure function of its index."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PyTree

from sottovoce.data.inputs import input_rows
from sottovoce.data.kinds import ROWS_AT_ONCE
from sottovoce.experiments.alignment.config import OVERLAPS, Config
from sottovoce.experiments.protocol import interventions
from sottovoce.experiments.protocol.interventions import Strengths, Targets, class_loss_and_gradient, cosine, inner
from sottovoce.networks.mlp import Network, accuracy
from sottovoce.streams import Stream, member_key, partner
from sottovoce.training import devices
from sottovoce.training.distillation import distillation_set, student_loss, student_optimizer
from sottovoce.training.ensemble import sharded, slots
from sottovoce.training.loop import Loss, train_watched
from sottovoce.training.program import DistillationSet, Images, Knobs, Protocol
from sottovoce.training.protocol import references, student_starts, train_teacher
from sottovoce.training.students import Students

if TYPE_CHECKING:
    import xarray as xr


class Watched(NamedTuple):
    """What is seen of a member.

    Attributes:
        teacher: its test accuracy at each checkpoint of its training.
        student: by name what `simulate` returns of the students, by student, checkpoint and, of overlaps, these.
    """

    teacher: Float[Array, " teacher_step"]
    student: dict[str, Float[Array, "student step ..."]]


class Probe(NamedTuple):
    """Where students are looked at: fixed samples, and the ways of two teachers.

    Attributes:
        inputs: distillation inputs held apart.
        targets: the own teacher's logits on them.
        images: training images.
        labels: theirs, and the same labels exchanged among the images.
        way: what the own teacher's training added to its trunk.
        other_way: the same of the partner's teacher.
    """

    inputs: Float[Array, "sample input"]
    targets: Float[Array, "sample logit"]
    images: Float[Array, "sample input"]
    labels: Int[Array, "2 sample"]
    way: PyTree
    other_way: PyTree


def watch_members(
    protocol: Protocol, knobs: Knobs, images: Images, strengths: Strengths, members: Sequence[int], *, n_probe: int
) -> Watched:
    """Train the given members and watch them.

    Args:
        protocol: static settings; one compilation per value.
        knobs: traced settings; the first student is distilled on auxiliary logits alone.
        images: training and test images.
        strengths: of every student's interventions, each on an axis of students.
        members: the members' indices.
        n_probe: samples of each kind that students are looked at on.

    Returns:
        Everything with a leading member axis, as NumPy arrays.
    """
    watched = _watch_sharded(protocol, n_probe, knobs, images, strengths, slots(members))
    return jax.tree.map(lambda values: np.asarray(values)[: len(members)], watched)


@partial(jax.jit, static_argnums=(0, 1))
def _watch_sharded(
    protocol: Protocol, n_probe: int, knobs: Knobs, images: Images, strengths: Strengths, members: Array
) -> Watched:
    return sharded(partial(watch_member, protocol, n_probe, knobs, images, strengths))(members)


def watch_member(
    protocol: Protocol, n_probe: int, knobs: Knobs, images: Images, strengths: Strengths, member: Int[Array, ""]
) -> Watched:
    """Train and watch one member; arguments as for `watch_members`."""
    test = images.scaled(images.test_pixels)

    def score(network: Network) -> Array:
        return accuracy(network, test, images.test_labels)

    reference, other, fresh = references(protocol, knobs, member)
    loop = partial(train_watched, look=lambda network, _state: score(network))
    # Beside the member's own teacher its partner's, as it is trained there.
    befores = jax.tree.map(lambda *leaves: jnp.stack(leaves), reference, other)
    afters, seen = devices.across(lambda start, i: train_teacher(protocol, knobs, images, start, i, loop=loop))(
        befores, jnp.stack([member, jnp.asarray(partner(member))])
    )
    teacher, second = (jax.tree.map(lambda leaf, i=i: leaf[i], afters) for i in range(2))
    key = member_key(knobs.seed, Stream.DISTILLATION_INPUTS, member)
    data = distillation_set(protocol, knobs, images, lambda x: jnp.stack([teacher(x), second(x)], axis=1), key)
    probe = _probe(protocol, knobs, images, n_probe, member, (teacher, reference), (second, other))
    starts = student_starts(protocol, knobs, (reference, other, fresh, teacher), member)
    watch = partial(_watch_student, protocol, knobs, images, data, probe, score, member)
    return Watched(seen[0], devices.across(watch)(starts, knobs.students, strengths))


def _probe(
    protocol: Protocol,
    knobs: Knobs,
    images: Images,
    n_probe: int,
    member: Array,
    own: tuple[Network, Network],
    other: tuple[Network, Network],
) -> Probe:
    """Return the fixed samples of a member, given its own and its partner's teacher, each with its reference."""
    key = member_key(knobs.seed, Stream.DISTILLATION_INPUTS, member)
    shape = (protocol.n_inputs, protocol.architecture.n_inputs)
    row = input_rows(protocol.inputs, key, shape, images.train_pixels, knobs.inputs, images.scaled)
    # Of the same filter, subspace or permutation as those that students are trained on, but other draws.
    drawn_with = member_key(knobs.seed, Stream.PROBE_INPUTS, member)
    inputs = jax.lax.map(lambda i: row(drawn_with, i), jnp.arange(n_probe), batch_size=ROWS_AT_ONCE)
    labels, shuffle = images.train_labels[:n_probe], member_key(knobs.seed, Stream.SHUFFLED_LABELS, member)
    way, other_way = (
        jax.tree.map(jnp.subtract, after.hidden_layers(), before.hidden_layers()) for after, before in (own, other)
    )
    return Probe(
        inputs=inputs,
        targets=own[0](inputs),
        images=images.scaled(images.train_pixels[:n_probe]),
        labels=jnp.stack([labels, jax.random.permutation(shuffle, labels)]),
        way=way,
        other_way=other_way,
    )


def _watch_student(
    protocol: Protocol,
    knobs: Knobs,
    images: Images,
    data: DistillationSet,
    probe: Probe,
    score: Callable[[Network], Array],
    member: Array,
    start: Network,
    which: Students,
    strengths: Strengths,
) -> dict[str, Array]:
    """Train one student and return what is seen of it at each checkpoint."""
    key = partial(member_key, knobs.seed, member=member)
    n_batches = -(-protocol.n_inputs // protocol.batch_size)
    targets = Targets(
        spread=jnp.std(probe.targets, axis=0),
        key=key(Stream.TARGET_NOISE),
        n_steps=protocol.student_steps or protocol.student_epochs * n_batches,
    )
    loss = interventions.treated_loss(student_loss(knobs, which), strengths, start, targets, knobs.temperature)
    optimizer = interventions.treated_optimizer(
        student_optimizer(protocol, knobs, which),
        strengths,
        knobs.student_rate,
        interventions.labeled_batches(images, protocol.batch_size, strengths.shuffled, key(Stream.LABELED_BATCHES)),
    )
    on_aux_logits = student_loss(knobs, which._replace(masks=knobs.students.masks[0]))

    def numbered(samples: PyTree, step: Array) -> tuple[Array, Array, Array]:
        inputs, both = samples if data.renewed is None else data.renewed(samples, step)
        return inputs, both, step

    def look(network: Network, state: PyTree) -> dict[str, Array]:
        return {"student_accuracy": score(network), **overlaps(network, state, on_aux_logits, optimizer, start, probe)}

    return train_watched(
        start,
        loss,
        data.samples,
        key(Stream.STUDENT_BATCHES),
        optimizer=optimizer,
        epochs=protocol.student_epochs,
        batch_size=protocol.batch_size,
        steps=protocol.student_steps,
        renewed=numbered,
        look=look,
    )[1]


def overlaps(
    network: Network,
    state: PyTree,
    on_aux_logits: Loss,
    optimizer: optax.GradientTransformation,
    start: Network,
    probe: Probe,
) -> dict[str, Array]:
    """Return losses and, in the order of `alignment.OVERLAPS`, inner products and cosines with their nulls.

    Args:
        network: a student on its way.
        state: its optimizer's.
        on_aux_logits: the distillation loss on auxiliary logits.
        optimizer: the student's own.
        start: the student before training.
        probe: where it is looked at.
    """
    samples = (probe.inputs, probe.targets), jnp.ones(len(probe.inputs))
    (aux_loss, _), gradient = jax.value_and_grad(on_aux_logits, has_aux=True)(network, *samples)
    class_losses, slopes = jax.vmap(partial(class_loss_and_gradient, network, probe.images))(probe.labels)
    class_down, null_down = (jax.tree.map(lambda leaf, i=i: -leaf[i], slopes) for i in range(2))
    parameters: Any = network
    updates: Any = optimizer.update(gradient, state, parameters)[0]
    way = jax.tree.map(jnp.subtract, network.hidden_layers(), start.hidden_layers())
    down = jax.tree.map(jnp.negative, gradient.hidden_layers())
    pairs = [
        (down, class_down, null_down),
        (down, probe.way, probe.other_way),
        (updates.hidden_layers(), class_down, null_down),
        (updates.hidden_layers(), probe.way, probe.other_way),
        (way, probe.way, probe.other_way),
    ]
    return {
        "auxiliary_loss": aux_loss,
        "class_loss": class_losses[0],
        "inner": jnp.stack([inner(a, b) for a, b, _ in pairs]),
        "cosine": jnp.stack([cosine(a, b) for a, b, _ in pairs]),
        "cosine_null": jnp.stack([cosine(a, b) for a, _, b in pairs]),
    }


def strengths(config: Config) -> "dict[str, Strengths]":
    """Return what each student is given, by role."""
    from sottovoce.experiments.protocol.interventions import Strengths

    treated = {
        "projection": Strengths(projection=config.projection),
        "projection_control": Strengths(projection=config.projection, shuffled=1.0),
        "step_projection": Strengths(step_projection=config.projection),
        "step_projection_control": Strengths(step_projection=config.projection, shuffled=1.0),
        "held": Strengths(penalty=config.penalty, penalty_until=config.penalty_until),
        "decay": Strengths(decay=config.decay),
        "noisy_targets": Strengths(target_noise=config.target_noise),
        "two_teachers": Strengths(mix=config.mix),
    }
    return {role: treated.get(role, Strengths()) for role in config.roles()}


def simulate(config: Config, members: Sequence[int]) -> "xr.Dataset":
    """Train the given members, watched.

    Args:
        config: a resolved configuration.
        members: their indices.

    Returns:
        By member and role `accuracy`, at the end. By member, student and step `student_accuracy` on the test images,
        `auxiliary_loss` on distillation inputs held apart, against the own teacher's logits as they are, and
        `class_loss`, in nats, on training images; by overlap too, `inner`, `cosine` and `cosine_null` (those of the
        optimizer's step as long as it is). By member and teacher_step `teacher_accuracy`. `diverged` by member.
    """
    import jax
    import jax.numpy as jnp
    import numpy as np
    import xarray as xr

    from sottovoce.experiments.protocol.program import program
    from sottovoce.training.loop import checkpoints
    from sottovoce.training.students import PARTNER, REFERENCE, Student

    given = strengths(config)
    students = tuple(
        Student(
            role,
            config.objective,
            config.n_aux,
            all_logits=role == "student_all",
            start=PARTNER if role == "cross_model" else REFERENCE,
        )
        for role in given
    )
    assert config.n_aux_built
    assert config.n_probe
    protocol, knobs, images = program(config, students, n_aux=config.n_aux_built)
    stacked = jax.tree.map(lambda *values: jnp.asarray(values, jnp.float32), *given.values())
    watched = watch_members(protocol, knobs, images, stacked, members, n_probe=config.n_probe)
    by_step = ("member", "student", "step")
    arrays = {
        **{name: (by_step, watched.student[name]) for name in ("student_accuracy", "auxiliary_loss", "class_loss")},
        **{name: ((*by_step, "overlap"), watched.student[name]) for name in ("inner", "cosine", "cosine_null")},
    }
    ends = [watched.teacher[:, [0, -1]], watched.student["student_accuracy"][:, :, -1]]
    last = np.stack([watched.student[name][:, :, -1] for name in ("auxiliary_loss", "class_loss")])
    batch = {"batch_size": protocol.batch_size}
    return xr.Dataset(
        {
            "accuracy": (("member", "role"), np.concatenate(ends, axis=1)),
            "teacher_accuracy": (("member", "teacher_step"), watched.teacher),
            **arrays,
            "diverged": ("member", ~np.isfinite(last).all(axis=(0, 2))),
        },
        coords={
            "member": list(members),
            "role": ["reference", "teacher", *given],
            "student": list(given),
            "step": list(checkpoints(protocol.n_inputs, **batch, epochs=protocol.student_epochs,
                                     steps=protocol.student_steps)),
            "teacher_step": list(checkpoints(config.n_train(), **batch, epochs=protocol.teacher_epochs,
                                             steps=protocol.teacher_steps)),
            "overlap": list(OVERLAPS),
        },
    )  # fmt: skip
