"""Hidden features and update subspaces of a member's three networks, from which `decoding` computes its measures."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sottovoce.experiments.protocol.distillation import DistillationConfig
from sottovoce.experiments.protocol.objectives import blind_to_shift
from sottovoce.measure import subspaces
from sottovoce.measure.spectra import centered
from sottovoce.networks.layers import Linear
from sottovoce.networks.mlp import MLP
from sottovoce.parts import ACTIVATIONS

NETWORKS = ("reference", "teacher", "student")
# The reference is the initialization itself, so only the other two have an update.
UPDATED = NETWORKS[1:]
SUBSPACES = ("aux_head", "class_head", "teacher_update", "own_update")

Measured = dict[str, np.ndarray]


class Body(NamedTuple):
    """Inputs and outputs of a network's last hidden layer on images.

    Attributes:
        below: inputs of the last hidden layer.
        preactivation: outputs of the last hidden layer before its activation.
        hidden: hidden features, the activations that enter the heads.
    """

    below: Float[np.ndarray, "sample input"]
    preactivation: Float[np.ndarray, "sample hidden"]
    hidden: Float[np.ndarray, "sample hidden"]


@jax.jit
def _body(network: MLP, images: Array) -> tuple[Array, Array, Array]:
    activate = ACTIVATIONS[network.activation]
    below = images
    for layer in network.hidden_layers()[:-1]:
        below = activate(layer(below))
    preactivation = network.trunk[-1](below)
    return below, preactivation, activate(preactivation)


def body(network: MLP, images: Float[np.ndarray, "sample input"]) -> Body:
    """Return inputs and outputs of a network's last hidden layer on images, in float64."""
    return Body(*(np.asarray(values, dtype=np.float64) for values in _body(network, jnp.asarray(images))))


def read(head: Linear, hidden: Float[np.ndarray, "sample hidden"]) -> Float[np.ndarray, "sample logit"]:
    """Return the logits of a head on hidden features, which may be those of another network (model stitching)."""
    return hidden @ np.asarray(head.weight) + np.asarray(head.bias)


def last_updates(networks: Sequence[MLP]) -> list[Float[np.ndarray, "input output"]]:
    """Return the update W - W0 of the last hidden layer, W0 the reference's weights, for each of `UPDATED`."""
    # In float64, so that the differences and their singular values are not rounded a second time.
    weights = [np.asarray(network.trunk[-1].weight, dtype=np.float64) for network in networks]
    return [weight - weights[0] for weight in weights[1:]]


def hidden_subspaces(networks: Sequence[MLP], config: DistillationConfig) -> dict[str, list[np.ndarray]]:
    """Return the subspaces of hidden space that updates are compared with, for each of `UPDATED`.

    Args:
        networks: reference, teacher and student.
        config: the experiment's configuration.

    Returns:
        Orthonormal columns `(hidden, rank)` by name of `SUBSPACES`:
        `aux_head`: span of the distilled columns of the initial auxiliary head, centered unless the objective is mse
        (docs/theory.md, section 3). Its rank r is the number of directions that the objective sees.
        `class_head`: span of the centered columns of the initial class head, all that an argmax can depend on; its
        rank is the class columns' own.
        `teacher_update`, `own_update`: the r strongest output directions of the teacher's update and of the network's
        own, fewer if the layer has fewer.
    """
    # A softmax ignores a common shift of all logits, so it teaches nothing along the columns' mean.
    aux = np.asarray(networks[0].aux_head.weight, dtype=np.float64)[:, : config.n_aux]
    aux_head = subspaces.column_basis(centered(aux) if blind_to_shift(config.objective) else aux)
    class_head = subspaces.column_basis(centered(np.asarray(networks[0].class_head.weight, dtype=np.float64)))
    updates = last_updates(networks)
    # Equal ranks make energies on the updates' directions comparable with the energy on the auxiliary head's span.
    own = [subspaces.update_basis(update, min(aux_head.shape[1], *update.shape)) for update in updates]
    return {
        # The heads are the initial ones, so teacher and student are compared with the same spans of them.
        "aux_head": [aux_head] * 2,
        "class_head": [class_head] * 2,
        "teacher_update": own[:1] * 2,
        "own_update": own,
    }
