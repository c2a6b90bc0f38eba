"""Named arrays as a network of ours, and a network as named arrays.

Layer NAME is a matrix `NAME.weight` `(input, output)` and, if it has one, a bias `NAME.bias`. Our own names are
`trunk.0`, `trunk.1`, ..., `class_head` and `aux_head`. Of other names the last layer is the head, whose first outputs
are the class logits and whose others are the auxiliary ones, and the layers before it are the trunk, in their order.
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Num

from sottovoce.errors import UsageError, not_among
from sottovoce.interop import checkpoints
from sottovoce.networks.layers import Linear
from sottovoce.networks.mlp import Network

Arrays = Mapping[str, Num[np.ndarray, "..."]]


def named_arrays(network: Network) -> dict[str, Num[np.ndarray, "..."]]:
    """Return a network's weights `(input, output)` and biases under our own names, the trunk first.

    Raises:
        UsageError: the network has convolutions.
    """
    if network.convolutions:
        raise UsageError(
            f"the network has {len(network.convolutions)} convolutions; allowed: none, for only linear layers have a "
            "form that other libraries share"
        )
    trunk = {f"trunk.{i}": layer for i, layer in enumerate(network.trunk)}
    layers = {**trunk, "class_head": network.class_head, "aux_head": network.aux_head}
    return {
        f"{name}.{part}": np.asarray(getattr(layer, part))
        for name, layer in layers.items()
        for part in ("weight", "bias")
    }


def network_from(
    arrays: Arrays,
    *,
    n_class: int,
    activation: str = "relu",
    class_head: str | None = None,
    aux_head: str | None = None,
) -> Network:
    """Return the perceptron that named arrays describe.

    Args:
        arrays: `NAME.weight` `(input, output)` and `NAME.bias` `(output,)` of every layer, in the order of the layers;
            a layer without bias gets one of zeros.
        n_class: number of class logits.
        activation: between layers, a key of `networks.mlp.ACTIVATIONS`; names do not tell it.
        class_head: name of the layer with the class logits; None: "class_head" if there is one, else the last layer. Of
            a layer that has more outputs than classes the others are auxiliary logits.
        aux_head: name of the layer with the auxiliary logits; None: "aux_head" if there is one, else none.

    Returns:
        A network whose arrays are float32.

    Raises:
        UsageError: a name, a shape or a value does not fit a perceptron with these heads, or the activation is unknown.
    """
    layers = _layers(arrays)
    of_classes = _head("class_head", class_head, layers) or list(layers)[-1]
    of_aux = _head("aux_head", aux_head, layers)
    trunk = [name for name in layers if name not in {of_classes, of_aux}]
    if of_classes == of_aux or not trunk:
        raise UsageError(f"layers are {', '.join(layers)}; allowed: one hidden layer or more below the heads")
    for chain in ([*trunk, of_classes], [*trunk, of_aux] if of_aux else []):
        _check_chain(chain, layers)
    heads = layers[of_classes], layers[of_aux] if of_aux else None
    return Network(tuple(layers[name] for name in trunk), *_split(of_classes, *heads, n_class), activation)


def read_network(path: Path, *, n_class: int, orientation: str | None = None, **names: Any) -> Network:
    """Read a perceptron from a file.

    Args:
        path: as for `checkpoints.read`.
        n_class: number of class logits.
        orientation: as for `checkpoints.orientation_of`.
        **names: the other arguments of `network_from`.

    Returns:
        A network whose arrays are float32.

    Raises:
        UsageError: what the file holds is no such perceptron, or an argument is not allowed.
        DataError: the file is missing or damaged, or could run code.
        SottovoceError: the file is PyTorch's, which is not installed.
    """
    arrays = checkpoints.read(path, orientation)
    try:
        return network_from(arrays, n_class=n_class, **names)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def _layers(arrays: Arrays) -> dict[str, Linear]:
    """Return the affine maps by name.

    Raises:
        UsageError: there is an array that is no part of one.
    """
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
    # Copies: what is given may be a module's own memory, which its next training step changes.
    return Linear(jnp.array(weight, jnp.float32), jnp.array(bias, jnp.float32))


def _head(what: str, given: str | None, layers: Mapping[str, Linear]) -> str | None:
    if given is not None and given not in layers:
        raise not_among(what, given, layers)
    return given or (what if what in layers else None)


def _check_chain(names: list[str], layers: Mapping[str, Linear]) -> None:
    for below, above in pairwise(names):
        (_, written), (read, _) = layers[below].weight.shape, layers[above].weight.shape
        if written != read:
            raise UsageError(
                f"layer {below!r} writes {written} units and layer {above!r} reads {read}; allowed: layers that follow "
                "each other in the order of their names, (input, output); orientation and the heads' names can be given"
            )


def _split(name: str, class_head: Linear, aux_head: Linear | None, n_class: int) -> tuple[Linear, Linear]:
    """Return class head and auxiliary head, cut from one layer where there is no auxiliary head of its own."""
    n_out = class_head.weight.shape[1]
    if n_out < n_class or (aux_head is not None and n_out > n_class):
        allowed = f"{n_class}, one for each class" if aux_head else f"{n_class} or more, one for each class"
        raise UsageError(f"layer {name!r} has {n_out} outputs; allowed: {allowed}")
    parts = (slice(n_class), slice(n_class, None))
    first, rest = (Linear(class_head.weight[:, part], class_head.bias[part]) for part in parts)
    return first, aux_head or rest
