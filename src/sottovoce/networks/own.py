"""A user's own network: any equinox module with class logits and auxiliary logits."""

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

from sottovoce.errors import UsageError
from sottovoce.networks.base import Network

SIZES = ("n_inputs", "n_class", "n_aux")
"""What the function that builds a network is always given, besides the key."""
FIELDS = ("width", "depth", "channels", "activation", "initialization", "precision", "orthonormal_heads")
"""Fields of a configuration that the function is given where it has a parameter of the name."""


class OwnNetwork(Network):
    """A user's module as training takes it.

    Its blocks are the module's fields that hold arrays; `class_head` and `aux_head` are the heads if fields have these
    names, and all other fields are the trunk.
    """

    arrays: Any  # the module without all that is no array
    rest: Any = eqx.field(static=True)  # the module without its arrays

    @classmethod
    def of(cls, module: eqx.Module) -> "OwnNetwork":
        """Return a module as training takes it."""
        return cls(*eqx.partition(module, eqx.is_array))

    @property
    def module(self) -> Any:
        """The user's module."""
        return eqx.combine(self.arrays, self.rest)

    def __call__(self, x: Float[Array, "sample input"]) -> Float[Array, "sample logit"]:
        """Return all logits, class logits first."""
        module = self.module
        return jnp.concatenate([module.class_logits(x), module.aux_logits(x)], axis=1)

    def class_logits(self, x: Float[Array, "sample input"]) -> Float[Array, "sample logit"]:
        """Return the class logits."""
        return self.module.class_logits(x)

    def blocks(self) -> dict[str, Any]:
        """Return the module's fields that hold arrays, by name."""
        held = {field.name: getattr(self.arrays, field.name) for field in fields(self.arrays)}
        return {name: value for name, value in held.items() if jax.tree.leaves(value)}

    def with_blocks(self, blocks: Sequence[PyTree]) -> "OwnNetwork":
        """Return the network with all of its blocks replaced, in the order of `blocks`."""
        names = list(self.blocks())
        return OwnNetwork(
            eqx.tree_at(lambda module: [getattr(module, name) for name in names], self.arrays, list(blocks)), self.rest
        )


@dataclass(frozen=True)
class OwnArchitecture:
    """All settings that determine the shape of a user's network and the distribution of its initialization.

    Attributes:
        build: the user's function of a key, of `SIZES` and of `settings`, which returns the module.
        settings: names and values of further arguments.
    """

    build: Callable[..., eqx.Module]
    n_inputs: int
    n_class: int
    n_aux: int
    settings: tuple[tuple[str, Any], ...] = ()

    def draw(self, key: Key[Array, ""]) -> OwnNetwork:
        """Draw a network from the member's key."""
        sizes = {name: getattr(self, name) for name in SIZES}
        return OwnNetwork.of(self.build(key=key, **sizes, **dict(self.settings)))

    def shape(self) -> OwnNetwork:
        """Return a network with the shapes and types of the arrays in place of the arrays; nothing is drawn."""
        return eqx.filter_eval_shape(self.draw, jax.random.key(0))

    def block_names(self) -> tuple[str, ...]:
        """Return the names of the blocks."""
        return tuple(self.shape().blocks())

    def n_weights(self) -> int:
        """Return the number of weights and biases."""
        return sum(leaf.size for leaf in jax.tree.leaves(self.shape()))

    def n_values(self) -> int:
        """Return the number of values that are computed for the logits of one input."""
        one = jax.ShapeDtypeStruct((1, self.n_inputs), jnp.float32)
        steps = jax.make_jaxpr(lambda network, x: network(x))(self.shape(), one).jaxpr.eqns
        return sum(math.prod(out.aval.shape) for step in steps for out in step.outvars)


def taken(build: Callable[..., Any], name: str) -> tuple[str, ...]:
    """Return the fields that a user's function takes besides the key and the sizes.

    Raises:
        UsageError: it does not take these, or takes what no configuration has.
    """
    parameters = inspect.signature(build).parameters
    known = ("key", *SIZES, *FIELDS)
    needed = {one for one, parameter in parameters.items() if parameter.default is parameter.empty}
    if not {"key", *SIZES} <= parameters.keys() or not needed <= set(known):
        raise UsageError(
            f"network {name} takes {', '.join(parameters)}; allowed: key, {', '.join(SIZES)}, and any of "
            f"{', '.join(FIELDS)}"
        )
    return tuple(field for field in FIELDS if field in parameters)
