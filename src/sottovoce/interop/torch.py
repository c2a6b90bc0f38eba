"""Conversion between PyTorch modules and networks of this package, and any PyTorch module as a function of arrays."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Num

from sottovoce.errors import UsageError, not_among
from sottovoce.interop import networks
from sottovoce.interop.torch_files import as_array, state_arrays, torch
from sottovoce.networks.layers import Linear
from sottovoce.networks.mlp import MLP

# The gelu of this package is the approximation by tanh; PyTorch's default is exact gelu, which differs by up to 5e-4.
ACTIVATIONS: dict[str, Callable[[], torch.nn.Module]] = {
    "relu": torch.nn.ReLU,
    "gelu": lambda: torch.nn.GELU(approximate="tanh"),
    "tanh": torch.nn.Tanh,
    "linear": torch.nn.Identity,
}
# Bound on the difference between two float32 sums of up to a few thousand products in different orders, relative to the
# largest output.
TOLERANCE = 1e-5
CHECKED_ROWS = 64
ROWS_AT_ONCE = 1_000


class Perceptron(torch.nn.Module):
    """A network of this package as a PyTorch module that returns all logits, class logits first.

    Its state dict has the names `trunk.0.weight`, ..., `class_head.bias`, `aux_head.weight`, `aux_head.bias`.
    """

    def __init__(self, network: MLP) -> None:
        super().__init__()
        self.trunk = torch.nn.ModuleList(_shape(layer) for layer in network.trunk)
        self.class_head, self.aux_head = _shape(network.class_head), _shape(network.aux_head)
        self.activation = ACTIVATIONS[network.activation]()

    def hidden(self, x: torch.Tensor) -> torch.Tensor:
        """Return the activations that enter the heads, `(sample, hidden)`."""
        for layer in self.trunk:
            x = self.activation(layer(x))
        return x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return all logits, `(sample, logit)`."""
        h = self.hidden(x)
        return torch.cat([self.class_head(h), self.aux_head(h)], dim=1)


def to_torch(network: MLP) -> Perceptron:
    """Return a network as a PyTorch module with the same outputs up to float32 rounding; its weights are copies.

    Raises:
        UsageError: the network has convolutions, or its precision is not float32.
    """
    if network.precision != "float32":
        raise UsageError(f"precision is {network.precision}; allowed: float32, for PyTorch would not round alike")
    # Copies, because PyTorch updates parameters in place and the memory of jax arrays must never change.
    arrays = {name: np.array(array.T, order="C") for name, array in networks.named_arrays(network).items()}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Initializing zero-element tensors")  # an auxiliary head without logits
        module = Perceptron(network)
    module.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()}, assign=True)
    return module


def from_torch(given: torch.nn.Module | Mapping[str, Any], *, n_class: int, **names: Any) -> MLP:
    """Return the perceptron that a PyTorch module or state dict describes.

    The outputs of a module are compared with those of the network on random inputs, to detect modules that are no such
    perceptron (other activations, a skip connection, another order of layers). For a state dict this check is not
    possible.

    Args:
        given: a module of linear layers that returns class and auxiliary logits concatenated or as a pair; or its state
            dict, in the order of its layers.
        n_class: number of class logits.
        **names: activation, class_head and aux_head, as for `interop.networks.network_from`; "gelu" is the
            approximation by tanh.

    Returns:
        A network whose arrays are float32 copies.

    Raises:
        UsageError: the layers do not form a perceptron, or the outputs of the module differ from the perceptron's.
    """
    state = given.state_dict() if isinstance(given, torch.nn.Module) else given
    arrays = {name: array.T if array.ndim == 2 else array for name, array in state_arrays(state).items()}
    network = networks.network_from(arrays, n_class=n_class, **names)
    if isinstance(given, torch.nn.Module):
        _check_outputs(given, network)
    return network


def as_function(module: torch.nn.Module) -> Callable[[np.ndarray], np.ndarray]:
    """Return a module as a function of arrays, for example as a head for `measure.heads.graft_accuracy`.

    The function takes samples along the first axis and returns `(sample, feature)`, with several outputs concatenated.
    It runs the module in evaluation mode on the device of its weights, and restores the module's mode afterwards.
    """
    return lambda inputs: np.concatenate([_flat(output) for output in _run(module, inputs)])


def features(
    module: torch.nn.Module, layer: str, inputs: Num[np.ndarray, "sample ..."]
) -> Num[np.ndarray, "sample feature"]:
    """Return the outputs of one layer of a module, for example for `measure.similarity.linear_cka`.

    The module is run on the inputs in evaluation mode, and its mode is restored afterwards. The layer is a name in
    `module.named_modules()`, for hidden features usually that of an activation. Each row is one flattened output.

    Raises:
        UsageError: there is no such layer, or the layer does not run exactly once.
    """
    layers = {name: sub for name, sub in module.named_modules() if name}
    if layer not in layers:
        raise not_among("layer", layer, layers)
    outputs: list[np.ndarray] = []
    hook = layers[layer].register_forward_hook(lambda _module, _inputs, output: outputs.append(_flat(output)))
    try:
        n_blocks = len(_run(module, inputs))
    finally:
        hook.remove()
    if len(outputs) != n_blocks:
        raise UsageError(f"layer {layer!r} runs {len(outputs)} times; allowed: once, so that it has one output")
    return np.concatenate(outputs)


def _shape(layer: Linear) -> torch.nn.Linear:
    n_in, n_out = layer.weight.shape
    # On the device "meta" a layer has a shape but no numbers, so that nothing is drawn from the user's random state.
    return torch.nn.Linear(n_in, n_out, device="meta")


def _check_outputs(module: torch.nn.Module, network: MLP) -> None:
    shape = CHECKED_ROWS, len(network.trunk[0].weight)
    inputs = np.random.default_rng(0).standard_normal(shape, np.float32)
    outputs, expected = as_function(module)(inputs), np.asarray(network(jnp.asarray(inputs)))
    same_shape = outputs.shape == expected.shape
    difference = np.abs(outputs - expected).max() / np.abs(expected).max() if same_shape else np.inf
    # Written as a negation, because a comparison with NaN is false and NaN must be refused.
    if not difference <= TOLERANCE:
        raise UsageError(
            f"the module's outputs differ by {difference:.1e} of the largest from those of a perceptron of its layers "
            f"with activation {network.activation}; allowed: {TOLERANCE:.0e}. Say what differs (activation, "
            "class_head, aux_head), or measure the module itself through interop.torch.features and as_function"
        )


def _run(module: torch.nn.Module, inputs: np.ndarray) -> list[Any]:
    """Return a module's outputs on blocks of inputs, in evaluation mode and on the device of its weights."""
    parameter, given = next(module.parameters(), torch.zeros(())), torch.from_numpy(np.ascontiguousarray(inputs))
    dtype = parameter.dtype if given.is_floating_point() else given.dtype
    # Submodules may be in different modes, so each one is restored to its own.
    training = {sub: sub.training for sub in module.modules()}
    module.train(False)
    try:
        with torch.no_grad():
            return [module(block.to(parameter.device, dtype)) for block in given.split(ROWS_AT_ONCE)]
    finally:
        for sub, was in training.items():
            sub.training = was


def _flat(output: torch.Tensor | tuple[torch.Tensor, ...]) -> np.ndarray:
    parts = [output] if isinstance(output, torch.Tensor) else output
    return np.concatenate([as_array(part.flatten(1)) for part in parts], axis=1)
