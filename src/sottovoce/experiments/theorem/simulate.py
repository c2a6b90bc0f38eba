"""Members of the experiment `theorem`: one step of a teacher and one of its student, in float64."""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Bool, Float, PyTree

from sottovoce.data import load_dataset
from sottovoce.data.inputs import distillation_inputs
from sottovoce.experiments.theorem.config import INITIALS, INPUTS, OBJECTIVES, SUBSETS, Config
from sottovoce.networks.initialization import Architecture, initialize
from sottovoce.networks.mlp import MLP
from sottovoce.streams import Stream, member_key
from sottovoce.theory.metric import quadratic_form
from sottovoce.training import objectives
from sottovoce.training.objectives import cross_entropy


def one_member(config: Config, member: int, activation: str) -> dict[str, np.ndarray]:
    """Return the variables of one member with one activation, without these two axes.

    Call it within `jax.enable_x64`.
    """
    images = load_dataset(config.dataset)
    pixels, labels = jnp.asarray(images.train_images[: config.n_images]), images.train_labels[: config.n_images]
    architecture = Architecture(
        n_inputs=pixels.shape[1],
        widths=(config.width,) * config.depth,
        n_class=images.n_class,
        n_aux=config.n_aux,
        activation=activation,
        scheme=config.initialization,
    )
    # Drawn in float32 and then converted, so that the networks are those of the other experiments.
    reference, partner_reference = (
        _double(initialize(architecture, member_key(config.seed, stream, member)))
        for stream in (Stream.INITIALIZATION, Stream.PARTNER)
    )
    key, shape = member_key(config.seed, Stream.DISTILLATION_INPUTS, member), (config.n_inputs, pixels.shape[1])
    kinds = [_double(distillation_inputs(kind, key, shape, pixels)) for kind in INPUTS]
    labeled, sizes = (_double(pixels), jnp.asarray(labels)), jnp.asarray(config.sizes)
    measure = partial(_measure, reference, partner_reference, labeled, sizes, config.rate)
    masks = subsets(architecture)
    grid = [[measure(x, masks, objective=objective) for x in kinds] for objective in OBJECTIVES]
    # From (objective, inputs, subset, ...) to (objective, subset, inputs, ...), and `sign` with `initial` in front.
    arrays = {name: np.array([[part[name] for part in row] for row in grid]) for name in grid[0][0]}
    variables = {name: np.moveaxis(values, 2, 1) for name, values in arrays.items()}
    variables["sign"] = np.moveaxis(variables["sign"], -1, 0)
    return variables


def subsets(architecture: Architecture) -> Bool[Array, "subset logit"]:
    """Return the masks of `SUBSETS`; "mixed" is the last class logit and the first auxiliary logit."""
    n_class, logit = architecture.n_class, jnp.arange(architecture.n_class + architecture.n_aux)
    return jnp.stack([logit >= n_class, logit < n_class, logit >= 0, (logit == n_class - 1) | (logit == n_class)])


@partial(jax.jit, static_argnames="objective")
def _measure(
    reference: MLP,
    partner_reference: MLP,
    labeled: tuple[Array, Array],
    sizes: Float[Array, " size"],
    rate: Array,
    inputs: Float[Array, "sample input"],
    masks: Bool[Array, "subset logit"],
    *,
    objective: str,
) -> dict[str, Array]:
    def label_loss(network: MLP) -> Array:
        return jnp.mean(cross_entropy(network.class_logits(labeled[0]), labeled[1]))

    before, slope = jax.value_and_grad(label_loss)(reference)
    # The step is given by its length, so that the order of the error does not depend on the norm of the gradient.
    length = jnp.sqrt(_inner(slope, slope))

    def step(start: MLP, mask: Array, size: Array) -> tuple[PyTree, PyTree]:
        """Return the teacher's step of length `size`, and the step of a student that starts from `start`."""
        taught = jax.tree.map(lambda leaf: -size / length * leaf, slope)
        # The teacher moves from the reference wherever the student starts.
        targets = jax.tree.map(jnp.add, reference, taught)(inputs)

        def distance(student: MLP) -> Array:
            return jnp.mean(getattr(objectives, objective)(student(inputs), targets, mask, jnp.ones(())))

        return taught, jax.tree.map(lambda leaf: -rate * leaf, jax.grad(distance)(start))

    def errors(mask: Array, size: Array) -> dict[str, Array]:
        taught, learned = step(reference, mask, size)
        inner, drop = _inner(taught, learned), before - label_loss(jax.tree.map(jnp.add, reference, learned))
        # Section 9 of docs/theory.md: the inner product is alpha / n |B^T J delta_T|^2, to leading order.
        predicted = rate * quadratic_form(MLP.__call__, reference, taught, inputs, objective=objective, mask=mask)
        return {
            "cosine": inner / jnp.sqrt(_inner(taught, taught) * _inner(learned, learned)),
            "inner_error": inner / predicted - 1,
            # The teacher's step is -size / |g| g, so the loss falls by the inner product times |g| / size.
            "drop_error": drop / (predicted * length / size) - 1,
        }

    # At the smallest step, where the higher orders matter least.
    def sign(start: MLP, mask: Array) -> Array:
        return jnp.sign(_inner(*step(start, mask, sizes[-1])))

    by_subset = jax.vmap(lambda mask: jax.vmap(lambda size: errors(mask, size))(sizes))(masks)
    signs = [jax.vmap(partial(sign, start))(masks) for start in (reference, partner_reference)]
    return by_subset | {"sign": jnp.stack(signs, axis=1)}


def _inner(a: PyTree, b: PyTree) -> Array:
    return sum(jax.tree.leaves(jax.tree.map(jnp.vdot, a, b)), jnp.zeros(()))


def _double(tree: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), tree)


def simulate(config: Config, members: Sequence[int]) -> xr.Dataset:
    """Take the steps of teachers and students for the given members.

    Args:
        config: a resolved configuration.
        members: indices of the members.

    Returns:
        By member, activation, objective, subset, inputs and size of the teacher's step, for a student with the
        teacher's initialization: `cosine` of the two steps; `inner_error` and `drop_error`, the relative errors of the
        quadratic form as a prediction of the steps' inner product and of the drop in the teacher's loss. By member,
        activation, initial, objective, subset and inputs, at the last and smallest size: `sign` of the inner product,
        1, -1 or 0.
    """
    # The drop in loss is a small difference of two losses, and its error is measured: float32 would leave little of it.
    with jax.enable_x64(True):
        parts = [[one_member(config, member, activation) for activation in config.activations] for member in members]
    by_network, grid = ("member", "activation"), ("objective", "subset", "inputs")
    by_size = (*by_network, *grid, "size")
    dims = {
        "cosine": by_size,
        "inner_error": by_size,
        "drop_error": by_size,
        "sign": (*by_network, "initial", *grid),
    }
    return xr.Dataset(
        {name: (axes, np.array([[part[name] for part in row] for row in parts])) for name, axes in dims.items()},
        coords={
            "member": list(members),
            "activation": list(config.activations),
            "initial": list(INITIALS),
            "objective": list(OBJECTIVES),
            "subset": list(SUBSETS),
            "inputs": list(INPUTS),
            "size": list(config.sizes),
        },
    )
