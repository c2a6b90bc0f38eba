"""PyTorch in and out: our networks as modules and back, and any module as a function of arrays."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Num

from sottovoce.errors import UsageError, not_among
from sottovoce.interop import networks
from sottovoce.interop.torch_files import as_array, state_arrays, torch
from sottovoce.networks.layers import Linear
from sottovoce.networks.mlp import Network

# Our gelu is the approximation by tanh; the exact one differs by up to 5e-4.
ACTIVATIONS: dict[str, Callable[[], torch.nn.Module]] = {
    "relu": torch.nn.ReLU,
    "gelu": lambda: torch.nn.GELU(approximate="tanh"),
    "tanh": torch.nn.Tanh,
    "linear": torch.nn.Identity,
}
# Between two float32 sums of up to some thousand products in different orders, relative to the largest output.
TOLERANCE = 1e-5
CHECKED_ROWS = 64
ROWS_AT_ONCE = 1_000


class Perceptron(torch.nn.Module):
    """A network of ours as a module: all logits, class logits first.

    Its state dict has our names, `trunk.0.weight`, ..., `class_head.bias`, `aux_head.weight`, `aux_head.bias`.
    """

    def __init__(self, network: Network) -> None:
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


def to_torch(network: Network) -> Perceptron:
    """Return a network as a PyTorch module with the same outputs up to float32 rounding.

    Args:
        network: without convolutions, its products in full float32.

    Returns:
        A module with weights of its own.

    Raises:
        UsageError: the network has convolutions, or its precision is another.
    """
    if network.precision != "float32":
        raise UsageError(f"precision is {network.precision}; allowed: float32, for PyTorch would not round alike")
    # Copies: arrays of jax are never written to, parameters are.
    arrays = {name: np.array(array.T, order="C") for name, array in networks.named_arrays(network).items()}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Initializing zero-element tensors")  # an auxiliary head without logits
        module = Perceptron(network)
    module.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()}, assign=True)
    return module


def from_torch(
    given: torch.nn.Module | Mapping[str, Any],
    *,
    n_class: int,
    activation: str = "relu",
    class_head: str | None = None,
    aux_head: str | None = None,
) -> Network:
    """Return the perceptron that a PyTorch module or state dict describes.

    A module's outputs are compared with the network's on random inputs, so that one which is no such perceptron (other
    activations, a skip connection, another order of layers) is not taken for one. A state dict cannot be checked so.

    Args:
        given: a module of linear layers that returns class and auxiliary logits side by side or as a pair; or its state
            dict, in the order of its layers.
        n_class: as for `interop.networks.network_from`, like the other arguments.
        activation: between layers; "gelu" is the approximation by tanh.
        class_head: name of the layer with the class logits.
        aux_head: name of the layer with the auxiliary logits.

    Returns:
        A network whose arrays are float32 copies.

    Raises:
        UsageError: the layers do not make a perceptron, or the module does not compute what that perceptron does.
    """
    state = given.state_dict() if isinstance(given, torch.nn.Module) else given
    arrays = {name: array.T if array.ndim == 2 else array for name, array in state_arrays(state).items()}
    network = networks.network_from(
        arrays, n_class=n_class, activation=activation, class_head=class_head, aux_head=aux_head
    )
    if isinstance(given, torch.nn.Module):
        _check_outputs(given, network)
    return network


def as_function(module: torch.nn.Module) -> Callable[[np.ndarray], np.ndarray]:
    """Return a module as a function of arrays: a head for `measure.heads.graft_accuracy`, say.

    The function takes samples along the first axis and returns `(sample, feature)`, several outputs side by side. It
    runs the module as in evaluation, where its weights are, and leaves its mode as it was.
    """
    return lambda inputs: np.concatenate([_flat(output) for output in _run(module, inputs)])


def features(
    module: torch.nn.Module, layer: str, inputs: Num[np.ndarray, "sample ..."]
) -> Num[np.ndarray, "sample feature"]:
    """Return what one layer of a module gives on inputs, for `measure.similarity.linear_cka`, say.

    Args:
        module: any module; run as in evaluation, its mode left as it was.
        layer: the layer's name in `module.named_modules()`; of a hidden layer usually that of its activation.
        inputs: samples along the first axis, as the module takes them.

    Returns:
        One flattened output a row.

    Raises:
        UsageError: there is no such layer, or it does not run exactly once.
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
    # On the device "meta" a layer has no numbers: nothing is drawn from the user's random state.
    return torch.nn.Linear(n_in, n_out, device="meta")


def _check_outputs(module: torch.nn.Module, network: Network) -> None:
    inputs = np.random.default_rng(0).standard_normal(
        (CHECKED_ROWS, network.trunk[0].weight.shape[0]), dtype=np.float32
    )
    theirs, ours = as_function(module)(inputs), np.asarray(network(jnp.asarray(inputs)))
    apart = np.abs(theirs - ours).max() / np.abs(ours).max() if theirs.shape == ours.shape else np.inf
    # Negated, so that NaN is refused.
    if not apart <= TOLERANCE:
        raise UsageError(
            f"the module's outputs differ by {apart:.1e} of the largest from those of a perceptron of its layers with "
            f"activation {network.activation}; allowed: {TOLERANCE:.0e}. Say what differs (activation, class_head, "
            "aux_head), or measure the module itself through interop.torch.features and as_function"
        )


def _run(module: torch.nn.Module, inputs: np.ndarray) -> list[Any]:
    """Return a module's outputs on blocks of inputs, as in evaluation and where its weights are."""
    parameter = next(module.parameters(), torch.zeros(()))

    def placed(block: torch.Tensor) -> torch.Tensor:
        return block.to(parameter.device, parameter.dtype if block.is_floating_point() else block.dtype)

    with _evaluating(module):
        return [module(placed(block)) for block in torch.from_numpy(np.ascontiguousarray(inputs)).split(ROWS_AT_ONCE)]


@contextmanager
def _evaluating(module: torch.nn.Module) -> Iterator[None]:
    training = {sub: sub.training for sub in module.modules()}
    module.train(False)
    try:
        with torch.no_grad():
            yield
    finally:
        for sub, was in training.items():
            sub.training = was


def _flat(output: torch.Tensor | tuple[torch.Tensor, ...]) -> np.ndarray:
    parts = [output] if isinstance(output, torch.Tensor) else output
    return np.concatenate([as_array(part.flatten(1)) for part in parts], axis=1)
