"""The multilayer perceptron of the MNIST experiment (Cloud et al. 2025, section on MNIST), row-vector convention."""

from collections.abc import Callable
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sottovoce.errors import not_among

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": jax.nn.relu,
    "gelu": jax.nn.gelu,
    "tanh": jnp.tanh,
    "linear": lambda x: x,
}


PRECISIONS = ("float32", "tensorfloat32", "bfloat16")


class Linear(eqx.Module):
    """An affine map `x @ weight + bias`."""

    weight: Float[Array, "input output"]
    bias: Float[Array, " output"]

    def __call__(self, x: Float[Array, "sample input"], precision: str = "float32") -> Float[Array, "sample output"]:
        """Apply the map to a batch of rows.

        Args:
            x: the rows.
            precision: of the product's operands: "float32" in full, also where an accelerator would round them by
                itself; "tensorfloat32" lets an accelerator round them (a CPU does not); "bfloat16" rounds them
                everywhere. Sums are float32.
        """
        return _PRODUCTS[precision](x, self.weight) + self.bias


def _bfloat16_product(x: Array, weight: Array) -> Array:
    rounded = (x.astype(jnp.bfloat16), weight.astype(jnp.bfloat16))
    return jnp.matmul(*rounded, preferred_element_type=jnp.float32)


_PRODUCTS: dict[str, Callable[[Array, Array], Array]] = {
    "float32": partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST),
    "tensorfloat32": partial(jnp.matmul, precision=jax.lax.Precision.DEFAULT),
    "bfloat16": _bfloat16_product,
}


class Network(eqx.Module):
    """A trunk of hidden layers whose last activations enter two heads.

    The class head is what labels train; the auxiliary head is what only distillation reads.
    """

    trunk: tuple[Linear, ...]
    class_head: Linear
    aux_head: Linear
    activation: str = eqx.field(static=True)
    precision: str = eqx.field(static=True, default="float32")

    def __check_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise not_among("activation", self.activation, ACTIVATIONS)
        if self.precision not in PRECISIONS:
            raise not_among("precision", self.precision, PRECISIONS)

    def hidden(self, x: Float[Array, "sample input"]) -> Float[Array, "sample hidden"]:
        """Return the activations that enter the heads."""
        for layer in self.trunk:
            x = ACTIVATIONS[self.activation](layer(x, self.precision))
        return x

    def __call__(self, x: Float[Array, "sample input"]) -> Float[Array, "sample logit"]:
        """Return all logits, class logits first."""
        return self.heads()(self.hidden(x), self.precision)

    def heads(self) -> Linear:
        """Return both heads side by side as one map, so that a batch passes them in one product."""
        return Linear(
            jnp.concatenate([self.class_head.weight, self.aux_head.weight], axis=1),
            jnp.concatenate([self.class_head.bias, self.aux_head.bias]),
        )

    def class_logits(self, x: Float[Array, "sample input"]) -> Float[Array, "sample logit"]:
        """Return the class logits alone."""
        return self.class_head(self.hidden(x), self.precision)


def accuracy(network: Network, images: Float[Array, "sample input"], labels: Array) -> Float[Array, ""]:
    """Return the share of images whose label has the largest class logit among the classes that occur in `labels`.

    Of a class that is not tested a network has nothing to say: knowing that it never comes up would count as knowing
    what an image shows.
    """
    logits = network.class_logits(images)
    tested = jnp.zeros(logits.shape[1], dtype=bool).at[labels].set(True)
    return jnp.mean(jnp.argmax(jnp.where(tested, logits, -jnp.inf), axis=1) == labels)
