"""Predicted students of one member as one pure function of its index, sharded over devices like their training."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec
from jaxtyping import Array, Float, Int, Key, PyTree

from sottovoce.experiments.prediction.config import PREDICTORS, Config
from sottovoce.experiments.prediction.expansion import Expansion, relinearizing
from sottovoce.networks.mlp import Network
from sottovoce.streams import Stream, member_key
from sottovoce.theory import tangent
from sottovoce.training import devices
from sottovoce.training.distillation import distill, distillation_set
from sottovoce.training.optimizers import flow_time, optimizer
from sottovoce.training.program import DistillationSet, Images, Knobs, Protocol

if TYPE_CHECKING:
    import xarray as xr

    from sottovoce.data import LabeledImages
    from sottovoce.training.program import Member


@dataclass(frozen=True)
class Setting:
    """What shapes the program of a member's predictions; one compilation per value.

    Attributes:
        protocol: as the students are trained.
        objectives: the objective of each student.
        directions: dimension of the Krylov space of kernel regression.
    """

    protocol: Protocol
    objectives: tuple[str, ...]
    directions: int


class Predicted(NamedTuple):
    """Class logits on the test images, predicted for each student.

    Attributes:
        first_update: linearized at the reference, after the first gradient step alone.
        kernel_regression: linearized at the reference, fitted by kernel regression.
        finite_time: linearized at the reference, after gradient flow for as long as the optimizer's steps amount to.
        linearized: linearized at the reference, trained as the student is.
        reference_kernel: the network itself at the parameters that `linearized` ends at.
        teacher_kernel: the same with the network linearized at the teacher, though started at the reference.
        relinearized: trained as the student is, but linearized anew once per epoch only; read as the network itself.
        retrained: no prediction: another student of the same teacher, on other inputs in another order.
    """

    first_update: Float[Array, "student sample class"]
    kernel_regression: Float[Array, "student sample class"]
    finite_time: Float[Array, "student sample class"]
    linearized: Float[Array, "student sample class"]
    reference_kernel: Float[Array, "student sample class"]
    teacher_kernel: Float[Array, "student sample class"]
    relinearized: Float[Array, "student sample class"]
    retrained: Float[Array, "student sample class"]


def predict_members(
    setting: Setting, knobs: Knobs, images: Images, members: Sequence[int], reference: Network, teacher: Network
) -> Predicted:
    """Predict the students of the given members.

    Args:
        setting: what shapes the program.
        knobs: traced settings, as the students are trained with.
        images: training and test images.
        members: the members' indices.
        reference: their references, on a leading axis.
        teacher: their teachers, on a leading axis.

    Returns:
        Predictions with a leading member axis, as NumPy arrays.
    """
    n_devices = len(jax.local_devices())
    # As in `training.ensemble`: slots beyond the last member repeat it, and their results are dropped.
    rows = np.minimum(np.arange(-(-len(members) // n_devices) * n_devices), len(members) - 1)
    one_each = (np.asarray(members, np.int32), reference, teacher)
    slots = jax.tree.map(lambda values: jnp.asarray(np.asarray(values)[rows]), one_each)
    predicted = _predict_sharded(setting, knobs, images, *slots)
    return jax.tree.map(lambda values: np.asarray(values)[: len(members)], predicted)


@partial(jax.jit, static_argnums=0)
def _predict_sharded(
    setting: Setting, knobs: Knobs, images: Images, members: Array, reference: Network, teacher: Network
) -> PyTree:
    predict = devices.across(partial(predict_member, setting, knobs, images))
    spec = PartitionSpec("member")
    sharded = jax.shard_map(predict, mesh=devices.mesh(), in_specs=spec, out_specs=spec, check_vma=False)
    return sharded(members, reference, teacher)


def predict_member(
    setting: Setting, knobs: Knobs, images: Images, member: Int[Array, ""], reference: Network, teacher: Network
) -> Predicted:
    """Predict the students of one member; arguments as for `predict_members`, of this member alone."""
    protocol, test = setting.protocol, images.scaled(images.test_pixels)
    inputs_key = member_key(knobs.seed, Stream.DISTILLATION_INPUTS, member)
    data = distillation_set(protocol, knobs, images, teacher, inputs_key)
    order = member_key(knobs.seed, Stream.STUDENT_BATCHES, member)
    first, regression, finite = _displacements(setting, knobs, reference, data.samples)
    start = reference.class_logits(test)
    read = jax.vmap(lambda network: network.class_logits(test))
    expand = jax.vmap(lambda change: start + jax.jvp(lambda n: n.class_logits(test), (reference,), (change,))[1])

    train = partial(train_linearized, protocol, knobs, data, order, reference)
    at_reference = train(reference)
    return Predicted(
        first_update=expand(first),
        kernel_regression=expand(regression),
        finite_time=expand(finite),
        linearized=expand(jax.tree.map(jnp.subtract, at_reference, _repeated(reference, len(setting.objectives)))),
        reference_kernel=read(at_reference),
        teacher_kernel=read(train(teacher)),
        relinearized=read(train(reference, every=-(-protocol.n_inputs // protocol.batch_size))),
        retrained=read(_retrained(setting, knobs, images, member, reference, teacher)),
    )


def train_linearized(
    protocol: Protocol,
    knobs: Knobs,
    data: DistillationSet,
    order: Key[Array, ""],
    reference: Network,
    base: Network,
    every: int | None = None,
) -> Network:
    """Train every student from the reference as the protocol does, but linearized at a base.

    Args:
        protocol: as the students are trained.
        knobs: traced settings, as the students are trained with.
        data: the distillation inputs and the teacher's logits on them.
        order: key of the order of the inputs in each epoch.
        reference: where the students start.
        base: where the network is expanded.
        every: steps after which it is expanded anew at the student; None: never.

    Returns:
        The students' parameters on a leading axis.
    """
    expansion, _ = distill(
        protocol,
        knobs,
        data,
        _repeated(Expansion(reference, base), len(knobs.students.masks)),
        order,
        apply=lambda expansion, x: tangent.linearized(Network.__call__, expansion.base)(expansion.network, x),
        wrap=partial(relinearizing, every=every),
    )
    return expansion.network


def _displacements(
    setting: Setting, knobs: Knobs, reference: Network, data: tuple[Array, Array]
) -> tuple[Network, Network, Network]:
    """Return every student's change of parameters by the first update, kernel regression and finite flow."""
    protocol, n_class = setting.protocol, setting.protocol.architecture.n_class
    trained_by = optimizer(protocol.student_optimizer, knobs.student_rate, knobs.student_decay)
    n_steps = protocol.student_steps or protocol.student_epochs * -(-protocol.n_inputs // protocol.batch_size)
    inputs, logits = data
    found = []
    for objective, mask in zip(setting.objectives, knobs.students.masks, strict=True):
        problem = (_aux_logits, reference, inputs, logits[:, n_class:])
        how = {"objective": objective, "temperature": knobs.temperature, "mask": mask[n_class:]}
        first = tangent.first_update(*problem, **how)
        times = jnp.stack([jnp.asarray(jnp.inf), flow_time(trained_by, first.gradient, n_steps)])
        flowed = tangent.kernel_student(*problem, time=times, directions=setting.directions, **how).parameters
        regression, finite = (jax.tree.map(lambda leaf, i=i: leaf[i], flowed) for i in range(len(times)))
        found.append((first.step, regression, finite))
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *found)


def _aux_logits(network: Network, inputs: Array) -> Array:
    return network.aux_head(network.hidden(inputs), network.precision)


def _retrained(
    setting: Setting, knobs: Knobs, images: Images, member: Array, reference: Network, teacher: Network
) -> Network:
    """Train the students once more, on other inputs in another order."""
    inputs_key = member_key(knobs.seed, Stream.REPLICATE_INPUTS, member)
    data = distillation_set(setting.protocol, knobs, images, teacher, inputs_key)
    starts = _repeated(reference, len(setting.objectives))
    order = member_key(knobs.seed, Stream.REPLICATE_BATCHES, member)
    return distill(setting.protocol, knobs, data, starts, order)[0]


def _repeated(tree: PyTree, times: int) -> PyTree:
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (times, *leaf.shape)), tree)


def simulate(config: Config, members: Sequence[int]) -> "xr.Dataset":
    """Train the given members and predict their students.

    Args:
        config: a resolved configuration.
        members: their indices.

    Returns:
        By member: `reference_accuracy`, `teacher_accuracy`, `diverged`; by member, objective and n_aux:
        `student_accuracy`; by member, predictor, objective and n_aux: the predicted `accuracy`, and `correlation` and
        `size` (ratio of lengths) of the predicted change of class logits on the test images against the true one.
    """
    import numpy as np
    import xarray as xr

    from sottovoce.experiments.protocol.program import images_of, program
    from sottovoce.training.ensemble import run_members
    from sottovoce.training.students import Student

    pairs = [(objective, k) for objective in config.objectives for k in config.n_aux]
    students = tuple(Student(f"{objective} {k}", objective, k) for objective, k in pairs)
    assert config.n_aux_built is not None
    protocol, knobs, images = program(config, students, n_aux=config.n_aux_built)
    trained = run_members(protocol, knobs, images, members)
    setting = Setting(protocol, tuple(objective for objective, _ in pairs), config.directions)
    predicted = predict_members(setting, knobs, images, members, trained.reference, trained.teacher)
    labeled = images_of(config)
    scores = np.stack([_scores(pairs, labeled, trained, predicted, i) for i in range(len(members))])
    shape = (len(config.objectives), len(config.n_aux))
    by_student = ("member", "objective", "n_aux")
    variables = {
        name: (("member", "predictor", *by_student[1:]), scores[..., i].reshape(*scores.shape[:2], *shape))
        for i, name in enumerate(("accuracy", "correlation", "size"))
    }
    return xr.Dataset(
        {
            **variables,
            "student_accuracy": (by_student, trained.accuracy[:, 2:].reshape(-1, *shape)),
            "reference_accuracy": ("member", trained.accuracy[:, 0]),
            "teacher_accuracy": ("member", trained.accuracy[:, 1]),
            "diverged": ("member", ~np.isfinite(trained.student_loss[:, -1]).all(axis=1)),
        },
        coords={
            "member": list(members),
            "predictor": list(PREDICTORS),
            "objective": list(config.objectives),
            "n_aux": list(config.n_aux),
        },
    )


def _scores(
    pairs: list[tuple[str, int]], images: "LabeledImages", trained: "Member", predicted: "Predicted", i: int
) -> "np.ndarray":
    """Return accuracy, correlation and size by predictor and student of the i-th member."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from sottovoce.measure import changes, heads
    from sottovoce.theory import predictors

    reference, teacher, *students = (
        jax.tree.map(lambda v: v[i], network) for network in (trained.reference, trained.teacher, *trained.students)
    )
    read = jax.jit(lambda network: network.class_logits(jnp.asarray(images.test_images)))
    start, taught, *true = (np.asarray(read(network)) for network in (reference, teacher, *students))
    C, Z = np.asarray(reference.class_head.weight), np.asarray(reference.aux_head.weight)
    gram = np.stack([predictors.head_gram(start, taught, C, Z[:, :k], objective) for objective, k in pairs])
    logits = {"head_gram": gram} | {name: values[i] for name, values in predicted._asdict().items()}
    accuracy = {
        name: np.array([heads.accuracy(z, images.test_labels) for z in values]) for name, values in logits.items()
    }
    kernels = ("reference_kernel", "teacher_kernel")
    share = predictors.self_consistent_share(
        accuracy["reference_kernel"],
        accuracy["teacher_kernel"],
        heads.accuracy(start, images.test_labels),
        heads.accuracy(taught, images.test_labels),
    )
    for values, weight in ((accuracy, share), (logits, share[:, None, None])):
        at_reference, at_teacher = (values[name] for name in kernels)
        values["self_consistent"] = at_reference + weight * (at_teacher - at_reference)
    return np.array(
        [
            [(accuracy[name][j], *changes.agreement(logits[name][j], z, start)) for j, z in enumerate(true)]
            for name in PREDICTORS
        ]
    )
