"""A trunk with two heads: the perceptron of the MNIST experiment (Cloud et al. 2025), with or without convolutions."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from sottovoce.errors import not_among
from sottovoce.networks.layers import PRECISIONS, Convolution, Linear

Activation = Callable[[Array], Array]
ACTIVATIONS: dict[str, Activation] = {"relu": jax.nn.relu, "gelu": jax.nn.gelu, "tanh": jnp.tanh, "linear": lambda x: x}


class Network(eqx.Module):
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
