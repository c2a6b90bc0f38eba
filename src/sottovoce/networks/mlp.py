"""A trunk with two heads: the perceptron of the MNIST experiment (Cloud et al. 2025), with or without convolutions."""

from collections.abc import Sequence
from dataclasses import replace

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from sottovoce.errors import not_among
from sottovoce.networks.base import Network
from sottovoce.networks.layers import Convolution, Linear
from sottovoce.networks.shapes import HEADS, trunk_names
from sottovoce.parts import ACTIVATIONS, PRECISIONS


class MLP(Network):
    """A trunk of hidden layers whose last activations enter two heads.

    Training on labels uses the class head; only distillation uses the auxiliary head. Convolutions, if there are any,
    come before the dense layers of the trunk.
    """

    trunk: tuple[Linear, ...]
    class_head: Linear
    aux_head: Linear
    activation: str = eqx.field(static=True)
    precision: str = eqx.field(static=True, default="float32")
    convolutions: tuple[Convolution, ...] = ()

    def __check_init__(self) -> None:
        for name, allowed in (("activation", ACTIVATIONS), ("precision", PRECISIONS)):
            if getattr(self, name) not in allowed:
                raise not_among(name, getattr(self, name), allowed)

    def hidden(self, x: Float[Array, "sample input"]) -> Float[Array, "sample hidden"]:
        """Return the activations that enter the heads."""
        for layer in self.hidden_layers():
            x = ACTIVATIONS[self.activation](layer(x, self.precision))
        return x

    def hidden_layers(self) -> tuple[Convolution | Linear, ...]:
        """Return all layers below the heads, from the input on."""
        return (*self.convolutions, *self.trunk)

    def blocks(self) -> dict[str, Convolution | Linear]:
        """Return the layers by name: those of the trunk in the order of `Architecture.layers`, then the heads."""
        names = (*trunk_names(len(self.convolutions), len(self.trunk)), *HEADS)
        return dict(zip(names, (*self.hidden_layers(), self.class_head, self.aux_head), strict=True))

    def with_blocks(self, blocks: Sequence[PyTree]) -> "MLP":
        """Return the network with all of its layers replaced, in the order of `blocks`."""
        n = len(self.convolutions)
        *trunk, class_head, aux_head = blocks
        return replace(
            self, convolutions=tuple(trunk[:n]), trunk=tuple(trunk[n:]), class_head=class_head, aux_head=aux_head
        )

    def __call__(self, x: Float[Array, "sample input"]) -> Float[Array, "sample logit"]:
        """Return all logits, class logits first."""
        return self.heads()(self.hidden(x), self.precision)

    def heads(self) -> Linear:
        """Return both heads as one affine map, so that a batch needs only one product for both."""
        return Linear(
            jnp.concatenate([self.class_head.weight, self.aux_head.weight], axis=1),
            jnp.concatenate([self.class_head.bias, self.aux_head.bias]),
        )

    def class_logits(self, x: Float[Array, "sample input"]) -> Float[Array, "sample logit"]:
        """Return the class logits without computing the auxiliary ones."""
        return self.class_head(self.hidden(x), self.precision)
