"""What training takes for a network: class logits, auxiliary logits, and blocks by name."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PyTree

from sottovoce.networks.shapes import HEADS


class Network(eqx.Module):
    """A network with class logits and auxiliary logits, all of whose leaves are arrays.

    Training on labels uses the class logits alone, distillation the masked ones of all logits.
    """

    @abstractmethod
    def __call__(self, x: Float[Array, "sample input"]) -> Float[Array, "sample logit"]:
        """Return all logits, class logits first."""

    @abstractmethod
    def class_logits(self, x: Float[Array, "sample input"]) -> Float[Array, "sample logit"]:
        """Return the class logits."""

    @abstractmethod
    def blocks(self) -> Mapping[str, Any]:
        """Return the network's parts by name; students may start from, or be trained on, some of them only."""

    @abstractmethod
    def with_blocks(self, blocks: Sequence[PyTree]) -> "Network":
        """Return the network with all of its blocks replaced, in the order of `blocks`."""

    def trunk_blocks(self) -> tuple[Any, ...]:
        """Return the blocks other than `class_head` and `aux_head`."""
        return tuple(block for name, block in self.blocks().items() if name not in HEADS)

    def with_trunk(self, trunk: Sequence[PyTree]) -> "Network":
        """Return the network with the blocks other than the heads replaced, in the order of `trunk_blocks`."""
        blocks, given = self.blocks(), iter(trunk)
        return self.with_blocks([block if name in HEADS else next(given) for name, block in blocks.items()])


def accuracy(network: Network, images: Float[Array, "sample input"], labels: Array) -> Float[Array, ""]:
    """Return the share of images that the network classifies right, as `correct` says."""
    return jnp.mean(correct(network, images, labels))


def correct(network: Network, images: Float[Array, "sample input"], labels: Array) -> Bool[Array, " sample"]:
    """Return for each image whether its label has the largest class logit among the classes that occur in `labels`.

    Classes without test images are left out of the comparison, so that a network gains no accuracy by ruling out
    classes that never occur.
    """
    logits = network.class_logits(images)
    tested = jnp.zeros(logits.shape[1], dtype=bool).at[labels].set(True)
    return jnp.argmax(jnp.where(tested, logits, -jnp.inf), axis=1) == labels
