"""Conversion of named arrays to a network of this package, and of a network to named arrays.

Layer NAME consists of a matrix `NAME.weight` `(input, output)` and optionally a bias `NAME.bias`. The names of this
package are `trunk.0`, `trunk.1`, ..., `class_head` and `aux_head`. If the arrays have other names, the last layer is
taken as the head, with the class logits first and the auxiliary logits after them, and the layers before it as the
trunk, in their order.
"""

from collections.abc import Mapping
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Num

from sottovoce.errors import UsageError, not_among
from sottovoce.interop import checkpoints
from sottovoce.networks.layers import Linear
from sottovoce.networks.mlp import MLP

Arrays = Mapping[str, Num[np.ndarray, "..."]]


def named_arrays(network: MLP) -> dict[str, Num[np.ndarray, "..."]]:
    """Return a network's weights `(input, output)` and biases under the names of this package, the trunk first.

    Raises:
        UsageError: the network has convolutions.
    """
    if network.convolutions:
        raise UsageError(
            f"the network has {len(network.convolutions)} convolutions; allowed: none, for only linear layers have a "
            "form that other libraries share"
        )
    layers = {f"trunk.{i}": layer for i, layer in enumerate(network.trunk)}
    layers |= {"class_head": network.class_head, "aux_head": network.aux_head}
    return {
        f"{name}.{part}": np.asarray(array) for name, layer in layers.items() for part, array in vars(layer).items()
    }


def network_from(
    arrays: Arrays,
    *,
    n_class: int,
    activation: str = "relu",
    class_head: str | None = None,
    aux_head: str | None = None,
) -> MLP:
    """Return the perceptron that named arrays describe.

    Args:
        arrays: `NAME.weight` `(input, output)` and `NAME.bias` `(output,)` of every layer, in the order of the layers;
            a layer without bias gets a bias of zeros.
        n_class: number of class logits.
        activation: activation between layers, one of `parts.ACTIVATIONS`; it cannot be inferred from arrays.
        class_head: name of the layer with the class logits; None: "class_head" if there is such a layer, else the last
            layer. If that layer has more outputs than there are classes, the others are the auxiliary logits.
        aux_head: name of the layer with the auxiliary logits; None: "aux_head" if there is such a layer, else none.

    Returns:
        A network whose arrays are float32.

    Raises:
        UsageError: a name, a shape or a value does not fit a perceptron with these heads, or the activation is unknown.
    """
    layers = _layers(arrays)
    class_name = _head_name("class_head", class_head, layers) or list(layers)[-1]
    aux_name = _head_name("aux_head", aux_head, layers)
    trunk = [name for name in layers if name not in {class_name, aux_name}]
    if class_name == aux_name or not trunk:
        raise UsageError(f"layers are {', '.join(layers)}; allowed: one hidden layer or more below the heads")
    # Both heads read the last layer of the trunk.
    for below, above in [*pairwise([*trunk, class_name]), *([(trunk[-1], aux_name)] if aux_name else [])]:
        (_, written), (read, _) = layers[below].weight.shape, layers[above].weight.shape
        if written != read:
            raise UsageError(
                f"layer {below!r} writes {written} units and layer {above!r} reads {read}; allowed: layers that follow "
                "each other in the order of their names, (input, output); orientation and the heads' names can be given"
            )
    heads = _heads(class_name, layers[class_name], layers[aux_name] if aux_name else None, n_class)
    return MLP(tuple(layers[name] for name in trunk), *heads, activation)


def read_network(path: Path, *, n_class: int, orientation: str | None = None, **names: Any) -> MLP:
    """Read a perceptron from a file; the arguments are those of `checkpoints.read` and `network_from`.

    Raises:
        UsageError: the arrays of the file do not describe a perceptron, or an argument is not allowed.
        DataError: the file is missing or damaged, or reading it could run code.
        SottovoceError: the file is a PyTorch file and PyTorch is not installed.
    """
    arrays = checkpoints.read(path, orientation)
    try:
        return network_from(arrays, n_class=n_class, **names)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def _layers(arrays: Arrays) -> dict[str, Linear]:
    """Return the affine maps by name, and refuse arrays that are not finite or not part of a layer."""
    names = [name.removesuffix(".weight") for name in arrays if name.endswith(".weight")]
    known = {f"{name}.{part}" for name in names for part in ("weight", "bias")}
    for name, array in arrays.items():
        if name not in known or array.ndim != (2 if name.endswith(".weight") else 1):
            raise UsageError(
                f"array {name!r} has shape {array.shape}; allowed: NAME.weight, a matrix, and NAME.bias, a vector, for "
                "only networks of linear layers can be read"
            )
        if not np.isfinite(array).all():
            raise UsageError(f"array {name!r} contains NaN or infinity; allowed: finite numbers")
    if not names:
        raise UsageError("there are no layers; allowed: arrays named NAME.weight and NAME.bias")
    return {name: _linear(name, arrays) for name in names}


def _linear(name: str, arrays: Arrays) -> Linear:
    weight = arrays[f"{name}.weight"]
    bias = arrays.get(f"{name}.bias", np.zeros(weight.shape[1]))
    if bias.shape != weight.shape[1:]:
        raise UsageError(
            f"layer {name!r} has weight {weight.shape}, (input, output), and bias {bias.shape}; allowed: as many "
            "biases as outputs, so if the matrices are kept (output, input) say so by orientation"
        )
    # Copies, because the arrays may be views of a module's memory, which the module's next training step changes.
    return Linear(jnp.array(weight, jnp.float32), jnp.array(bias, jnp.float32))


def _head_name(default: str, given: str | None, layers: Mapping[str, Linear]) -> str | None:
    """Return the name of a head's layer: the given one, else the default one if there is such a layer."""
    if given is not None and given not in layers:
        raise not_among(default, given, layers)
    return given or (default if default in layers else None)


def _heads(name: str, class_head: Linear, aux_head: Linear | None, n_class: int) -> tuple[Linear, Linear]:
    """Return class head and auxiliary head; without a separate auxiliary head, one layer is split into both."""
    n_out = class_head.weight.shape[1]
    if n_out < n_class or (aux_head is not None and n_out > n_class):
        allowed = f"{n_class}, one for each class" if aux_head else f"{n_class} or more, one for each class"
        raise UsageError(f"layer {name!r} has {n_out} outputs; allowed: {allowed}")
    parts = (np.s_[..., :n_class], np.s_[..., n_class:])
    # Outputs are the last axis of the weight and of the bias, so one index splits both.
    first, rest = (jax.tree.map(itemgetter(part), class_head) for part in parts)
    return first, aux_head or rest
