"""Accuracy with only the part of an update that writes into a subspace of hidden space, or without that part.

The pre-activation of the last hidden layer is h W + b. With P the projector on a subspace, the part of the
pre-activation's change that lies on the subspace, or off it, is added to the unchanged pre-activation; then the
activation and the reference's class head follow. So the projection acts before the activation, not on the hidden
features. In scope "last_layer" the layers below are the network's own, and only the last layer's update is projected:
W0 + (W - W0) P and b0 + (b - b0) P. In scope "trunk" the whole change of the pre-activation from the reference's is
projected, whichever layer caused it. For a linear trunk this is W1_0 + (W1 - W1_0) P of docs/theory.md, section 2.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from sottovoce.experiments.decoding.bodies import SUBSPACES, Body, Measured, read
from sottovoce.measure import heads, subspaces
from sottovoce.networks.mlp import MLP
from sottovoce.parts import ACTIVATIONS

PARTS = ("on", "off")
SCOPES = ("trunk", "last_layer")
# Random subspaces behind each null. They are few because every one of them costs passes over all test images.
DRAWS = 10


def measure_parts(
    networks: Sequence[MLP],
    bodies: Sequence[Body],
    spans: dict[str, list[np.ndarray]],
    labels: Int[np.ndarray, " sample"],
    rng: np.random.Generator,
) -> Measured:
    """Measure the accuracy that parts of the teacher's and the student's change carry under the reference's class head.

    Args:
        networks: reference, teacher and student.
        bodies: inputs and outputs of each network's last hidden layer on test images.
        spans: subspaces of hidden space by name, one for the teacher and one for the student.
        labels: the test images' labels.
        rng: source of random numbers.

    Returns:
        By network, scope, subspace and part ("on" or "off" the subspace): `part_accuracy`, and `part_accuracy_random`,
        the mean of this accuracy over random subspaces of the same rank. By network and scope: `unchanged_accuracy` and
        `whole_accuracy`, with none and with all of the change; in scope "last_layer" the layers below stay the
        network's own in both. By network: `last_alone_accuracy`, with the network's last hidden layer on the
        reference's layers below.
    """
    accuracy = _Accuracy(networks[0], labels)
    ranks = sorted({Q.shape[1] for row in spans.values() for Q in row})
    hidden = bodies[0].hidden.shape[1]
    # Networks and scopes share one set of random subspaces, so that their nulls differ by the changes alone.
    drawn = {rank: [subspaces.random_basis(rng, hidden, rank) for _ in range(DRAWS)] for rank in ranks}
    rows: dict[str, list] = {}
    for i, body in enumerate(bodies[1:]):
        # In the order of `SCOPES`: nothing has changed, or only the layers below the last have.
        for start in (bodies[0].preactivation, read(networks[0].trunk[-1], body.below)):
            change = body.preactivation - start
            random = {rank: np.mean([accuracy.parts(start, change, Q) for Q in drawn[rank]], axis=0) for rank in ranks}
            for name, values in {
                "part_accuracy": [accuracy.parts(start, change, spans[name][i]) for name in SUBSPACES],
                "part_accuracy_random": [random[spans[name][i].shape[1]] for name in SUBSPACES],
                "unchanged_accuracy": accuracy(start),
                "whole_accuracy": accuracy(start + change),
            }.items():
                rows.setdefault(name, []).append(values)
    alone = [accuracy(read(network.trunk[-1], bodies[0].below)) for network in networks[1:]]
    by_scope = {name: _by_network_and_scope(values) for name, values in rows.items()}
    return {**by_scope, "last_alone_accuracy": np.array(alone)}


class _Accuracy:
    """Accuracy of pre-activations of the last hidden layer under the reference's class head."""

    def __init__(self, reference: MLP, labels: Int[np.ndarray, " sample"]) -> None:
        self._reference, self._labels = reference, labels

    def __call__(self, preactivation: Float[np.ndarray, "sample hidden"]) -> float:
        hidden = np.asarray(ACTIVATIONS[self._reference.activation](jnp.asarray(preactivation)))
        return heads.accuracy(read(self._reference.class_head, hidden), self._labels)

    def parts(self, start: np.ndarray, change: np.ndarray, basis: np.ndarray) -> tuple[float, float]:
        """Return two accuracies: with only the part of the change on a subspace, and with only the part off it."""
        on = subspaces.projected(change, basis)
        return self(start + on), self(start + change - on)


def _by_network_and_scope(values: list) -> np.ndarray:
    # Rows were appended network by network, and for each network scope by scope.
    array = np.array(values)
    return array.reshape(-1, len(SCOPES), *array.shape[1:])
