"""Predicted students of one member as one pure function of its index, sharded over devices like their training."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import PartitionSpec
from jaxtyping import Array, Float, Int, PyTree

from sottovoce.networks.mlp import Network
from sottovoce.streams import Stream, member_key
from sottovoce.theory import tangent
from sottovoce.training import devices
from sottovoce.training.expansion import Expansion, relinearizing
from sottovoce.training.protocol import Images, Knobs, Protocol, distill, distillation_set


class Predicted(NamedTuple):
    """Class logits on the test images, predicted for each student.

    Attributes:
        first_update: linearized at the reference, after the first gradient step alone.
        kernel_regression: linearized at the reference, fitted by kernel regression.
        linearized: linearized at the reference, trained as the student is.
        reference_kernel: the network itself at the parameters that `linearized` ends at.
        teacher_kernel: the same with the network linearized at the teacher, though started at the reference.
        relinearized: trained as the student is, but linearized anew once per epoch only; read as the network itself.
        retrained: no prediction: another student of the same teacher, on other inputs in another order.
    """

    first_update: Float[Array, "student sample class"]
    kernel_regression: Float[Array, "student sample class"]
    linearized: Float[Array, "student sample class"]
    reference_kernel: Float[Array, "student sample class"]
    teacher_kernel: Float[Array, "student sample class"]
    relinearized: Float[Array, "student sample class"]
    retrained: Float[Array, "student sample class"]


def predict_members(
    protocol: Protocol,
    knobs: Knobs,
    images: Images,
    members: Sequence[int],
    reference: Network,
    teacher: Network,
    directions: int,
) -> Predicted:
    """Predict the students of the given members.

    Args:
        protocol: as their students are trained.
        knobs: the same.
        images: the same.
        members: their indices.
        reference: their references, stacked.
        teacher: their teachers, stacked.
        directions: of the Krylov space of kernel regression.

    Returns:
        Predictions with a leading member axis, as NumPy arrays.
    """
    n_devices = len(jax.local_devices())
    # As in `training.ensemble`: slots beyond the last member repeat it, and their results are dropped.
    rows = np.minimum(np.arange(-(-len(members) // n_devices) * n_devices), len(members) - 1)
    slots = jax.tree.map(
        lambda values: jnp.asarray(values)[rows], (jnp.asarray(members, jnp.int32), reference, teacher)
    )
    predicted = _predict_sharded(protocol, directions, knobs, images, slots)
    return jax.tree.map(lambda values: np.asarray(values)[: len(members)], predicted)


@partial(jax.jit, static_argnums=(0, 1))
def _predict_sharded(protocol: Protocol, directions: int, knobs: Knobs, images: Images, slots: PyTree) -> PyTree:
    def predict(slot: tuple[Array, Network, Network]) -> Predicted:
        return predict_member(protocol, directions, knobs, images, *slot)

    across = partial(jax.lax.map, predict) if jax.default_backend() == "cpu" else jax.vmap(predict)
    spec = PartitionSpec("member")
    return jax.shard_map(across, mesh=devices.mesh(), in_specs=spec, out_specs=spec, check_vma=False)(slots)


def predict_member(
    protocol: Protocol,
    directions: int,
    knobs: Knobs,
    images: Images,
    member: Int[Array, ""],
    reference: Network,
    teacher: Network,
) -> Predicted:
    """Predict the students of one member; arguments as for `predict_members`, of this member alone."""
    test = images.scaled(images.test_pixels)
    data = distillation_set(protocol, images, teacher, member_key(knobs.seed, Stream.DISTILLATION_INPUTS, member))
    first, regression = _displacements(protocol, directions, knobs, reference, data)
    train = partial(_train, protocol, knobs, reference, data, member)
    at_reference = train(reference)
    epoch = -(-protocol.n_inputs // protocol.batch_size)
    start = reference.class_logits(test)

    def change(displacements: tuple[Network, ...]) -> Array:
        return jnp.stack([jax.jvp(lambda n: n.class_logits(test), (reference,), (d,))[1] for d in displacements])

    def read(networks: tuple[Network, ...]) -> Array:
        return jnp.stack([network.class_logits(test) for network in networks])

    return Predicted(
        first_update=start + change(first),
        kernel_regression=start + change(regression),
        linearized=start + change(tuple(jax.tree.map(jnp.subtract, network, reference) for network in at_reference)),
        reference_kernel=read(at_reference),
        teacher_kernel=read(train(teacher)),
        relinearized=read(train(reference, every=epoch)),
        retrained=read(_retrained(protocol, knobs, images, member, reference, teacher)),
    )


def _displacements(
    protocol: Protocol, directions: int, knobs: Knobs, reference: Network, data: tuple[Array, Array]
) -> tuple[tuple[Network, ...], tuple[Network, ...]]:
    """Return the parameters' changes by the first update and by kernel regression, of every student."""
    n_class = protocol.architecture.n_class
    inputs, logits = data
    first, regression = [], []
    for objective, mask in zip(protocol.objectives, knobs.masks, strict=True):
        setting = {"objective": objective, "temperature": knobs.temperature, "mask": mask[n_class:]}
        problem = (_aux_logits, reference, inputs, logits[:, n_class:])
        first.append(tangent.first_update(*problem, **setting))
        regression.append(tangent.kernel_student(*problem, directions=directions, **setting).parameters)
    return tuple(first), tuple(regression)


def _aux_logits(network: Network, inputs: Array) -> Array:
    return network.aux_head(network.hidden(inputs))


def _train(
    protocol: Protocol,
    knobs: Knobs,
    reference: Network,
    data: tuple[Array, Array],
    member: Array,
    base: Network,
    every: int | None = None,
) -> tuple[Network, ...]:
    """Train every student from the reference as in the protocol, but linearized at a base; return their networks."""
    trained, _ = distill(
        protocol,
        knobs,
        data,
        (Expansion(reference, base),) * len(protocol.objectives),
        member_key(knobs.seed, Stream.STUDENT_BATCHES, member),
        optimizer=relinearizing(optax.adam(knobs.student_rate), every),
        apply=lambda expansion, x: tangent.linearized(Network.__call__, expansion.base)(expansion.network, x),
    )
    return tuple(expansion.network for expansion in trained)


def _retrained(
    protocol: Protocol, knobs: Knobs, images: Images, member: Array, reference: Network, teacher: Network
) -> tuple[Network, ...]:
    """Train the students once more, on other inputs in another order."""
    data = distillation_set(protocol, images, teacher, member_key(knobs.seed, Stream.REPLICATE_INPUTS, member))
    starts = (reference,) * len(protocol.objectives)
    return distill(protocol, knobs, data, starts, member_key(knobs.seed, Stream.REPLICATE_BATCHES, member))[0]
