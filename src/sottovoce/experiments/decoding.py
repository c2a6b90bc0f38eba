"""Decoding: how do the directions that a student learned get used?

Question: can the untrained class head read digits from the teacher's body, and the teacher's head from the student's?
Setting: the transfer protocol; bodies and class heads of reference, teacher and student are exchanged, a linear probe
    reads digits from each body's hidden features, and the drift of every block from initialization is measured.
Expected: by the post, the class head stays close enough to initialization to decode the teacher's directions.
Runtime: 10 epochs of one network a member at the published settings, against 25 of `transfer`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.experiments.protocol_config import DistillationConfig

if TYPE_CHECKING:
    import xarray as xr

VERSION = 1
NETWORKS = ("reference", "teacher", "student")
PROBE_IMAGES = 5_000


@dataclass(frozen=True)
class Config(DistillationConfig):
    """Fields of the graft matrix: the protocol's and one objective on one number of auxiliary logits."""


def simulate(config: Config, members: Sequence[int]) -> "xr.Dataset":
    """Train the given members and exchange their bodies and heads.

    Args:
        config: a resolved configuration.
        members: their indices.

    Returns:
        `graft_accuracy` by member, body and head; `probe_accuracy` by member and body; `relative_drift`,
        |W - W0|_F / |W0|_F of each block's weights, by member, body and block; `diverged` by member.
    """
    import jax
    import numpy as np
    import xarray as xr

    from sottovoce.experiments._protocol import images_of, train_members
    from sottovoce.measure import heads
    from sottovoce.training.protocol import Student

    assert config.n_aux_built is not None
    trained = train_members(
        config, (Student("student", config.objective, config.n_aux),), n_aux=config.n_aux_built, members=members
    )
    images = images_of(config)
    networks = (trained.reference, trained.teacher, *trained.students)
    features = jax.jit(jax.vmap(lambda network, x: network.hidden(x), in_axes=(0, None)))
    test_images, probe_images = images.test_images, images.train_images[:PROBE_IMAGES]
    test = [np.asarray(features(network, test_images)) for network in networks]
    train = [np.asarray(features(network, probe_images)) for network in networks]
    blocks = {f"trunk_{i}": [n.trunk[i].weight for n in networks] for i in range(len(config.widths()))}
    blocks |= {"class_head": [n.class_head.weight for n in networks], "aux_head": [n.aux_head.weight for n in networks]}
    class_heads = [(n.class_head.weight, n.class_head.bias) for n in networks]
    return xr.Dataset(
        {
            "graft_accuracy": (
                ("member", "body", "head"),
                [
                    [
                        [heads.accuracy(hidden[m] @ W[m] + b[m], images.test_labels) for W, b in class_heads]
                        for hidden in test
                    ]
                    for m in range(len(members))
                ],
            ),
            "probe_accuracy": (
                ("member", "body"),
                [
                    [
                        heads.probe_accuracy(x[m], images.train_labels[:PROBE_IMAGES], y[m], images.test_labels)
                        for x, y in zip(train, test, strict=True)
                    ]
                    for m in range(len(members))
                ],
            ),
            "relative_drift": (
                ("member", "body", "block"),
                np.transpose(
                    [[heads.relative_drift(np.asarray(w), np.asarray(W[0])) for w in W] for W in blocks.values()]
                ),
            ),
            "diverged": ("member", ~np.isfinite(trained.student_loss[:, -1]).all(axis=1)),
        },
        coords={"member": list(members), "body": list(NETWORKS), "head": list(NETWORKS), "block": list(blocks)},
    )
