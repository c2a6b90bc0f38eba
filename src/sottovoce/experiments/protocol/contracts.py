"""What the protocol demands of a user's own parts, tried on small arrays before anything is trained.

Every function is called twice with equal arguments, because a member has to be the same in any company: random numbers
may come from the key that the function is given, and from nowhere else.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from sottovoce.data.inputs import STANDARD
from sottovoce.data.kinds import Source
from sottovoce.errors import SottovoceError, UsageError
from sottovoce.networks.own import OwnArchitecture

ROWS = 6
_KEY, _OTHER_KEY = jax.random.key(0), jax.random.key(1)


class InputTraits(NamedTuple):
    """What an own kind of inputs does, found by trial.

    Attributes:
        of_images: whether input i is made of training image i.
        unchanging: whether the inputs hold no noise.
    """

    of_images: bool
    unchanging: bool


@cache
def sees_differences_only(name: str, objective: Callable[..., Array], n_logits: int) -> bool:
    """Check an objective, and return whether a shift common to all of a student's masked logits leaves it unchanged.

    Raises:
        UsageError: the function is no objective; the message says what it does and what is allowed.
    """
    what = f"objective {name}"
    student, teacher = (jax.random.normal(key, (ROWS, n_logits)) for key in jax.random.split(_KEY))
    mask, one = jnp.arange(n_logits) >= min(n_logits - 2, n_logits // 2), jnp.ones(())

    def of(student: Array, teacher: Array = teacher) -> Array:
        return objective(student, teacher, mask, one)

    values = _twice(what, lambda: of(student))
    _refuse_unless(what, values, (ROWS,), "a value for each sample")
    _refuse_unless_finite(f"what {what} returns", values)
    elsewhere = jnp.where(mask, 0.0, 1.0)
    if not _close(of(student + elsewhere, teacher - elsewhere), values):
        raise UsageError(f"{what} depends on logits outside the mask; allowed: on those of the mask alone")
    if not _close(of(student.at[1:].add(1.0))[:1], values[:1]):
        raise UsageError(f"the value that {what} has for a sample depends on other samples; allowed: on its own alone")
    slope: Array = _tried(what, lambda: jax.jit(jax.grad(lambda s: jnp.sum(of(s))))(student))
    _refuse_unless_finite(f"the gradient of {what}", slope)
    return _close(of(student + jnp.where(mask, 1.0, 0.0)), values)


@cache
def input_traits(name: str, kind: Callable[..., Callable[..., Array]], n_pixel: int) -> InputTraits:
    """Check an own kind of inputs, and return what it does.

    Raises:
        UsageError: the function makes no inputs; the message says what it does and what is allowed.
    """
    what = f"inputs {name}"
    pixels = jax.random.uniform(_OTHER_KEY, (ROWS, n_pixel))

    def row(i: int | Array, key: Array = _KEY, pixels: Array = pixels) -> Array:
        made = kind(Source(_KEY, n_pixel, pixels, lambda one: one, STANDARD))
        if not callable(made):
            raise UsageError(f"{what} returns {_shown(made)}; allowed: a function of a key and a row's index")
        return made(jax.random.fold_in(key, i), jnp.asarray(i))

    _refuse_unless(what, _twice(what, lambda: row(3)), (n_pixel,), "one input")
    # As the inputs are drawn: many rows at once, whose indices and keys are traced.
    _refuse_unless_finite(f"what {what} returns", _tried(what, lambda: jax.jit(jax.vmap(row))(jnp.arange(ROWS))))
    brighter = pixels.at[3].add(1.0)
    changed = [not _close(row(i, pixels=brighter), row(i)) for i in (2, 3)]
    return InputTraits(of_images=changed == [False, True], unchanging=_close(row(3, key=_OTHER_KEY), row(3)))


@cache
def check_network(name: str, architecture: OwnArchitecture) -> None:
    """Check that a user's network can be trained.

    Raises:
        UsageError: the function builds no such network; the message says what it does and what is allowed.
    """
    what = f"network {name}"
    module = _tried(what, lambda: architecture.build(key=_KEY, **_arguments(architecture)))
    lacking = [one for one in ("class_logits", "aux_logits") if not callable(getattr(module, one, None))]
    if not isinstance(module, eqx.Module) or lacking:
        raise UsageError(f"{what} is {_shown(module)}; allowed: an equinox.Module with class_logits and aux_logits")
    for leaf in _arrays(module):
        # Arrays of NumPy would be neither trained nor settings of the program.
        if not isinstance(leaf, jax.Array) or leaf.dtype != jnp.float32:
            library = "jax" if isinstance(leaf, jax.Array) else "NumPy"
            raise UsageError(
                f"{what} has an array of {library} of type {leaf.dtype}; allowed: arrays of jax of type float32, for "
                "all arrays are trained"
            )
    _tried(what, architecture.shape)
    first = _twice(what, lambda: architecture.draw(_KEY))
    if _equal(architecture.draw(_OTHER_KEY), first):
        raise UsageError(f"{what} is the same for every key; allowed: an initialization drawn from the key")
    x = jax.random.normal(_KEY, (ROWS, architecture.n_inputs))
    for part, n_logits in (("class_logits", architecture.n_class), ("aux_logits", architecture.n_aux)):
        of = f"{what}.{part}"
        logits = _twice(of, lambda part=part: getattr(module, part)(x))
        _refuse_unless(of, logits, (ROWS, n_logits), "a row of logits for each input")
        _refuse_unless_finite(f"what {of} returns", logits)
        if not _close(getattr(module, part)(x[:1]), logits[:1]):
            raise UsageError(f"the logits that {of} has for an input depend on other inputs; allowed: on its own alone")
    slope = _tried(what, lambda: jax.jit(jax.grad(lambda network: jnp.sum(network(x))))(first))
    _refuse_unless_finite(f"the gradient of {what}", slope)


@cache
def check_intervention(name: str, intervene: Callable[..., PyTree], on: str, architecture: Any) -> None:
    """Check that an own intervention maps what it changes to its like.

    Raises:
        UsageError: it does not; the message says what it does and what is allowed.
    """
    what = f"intervention {name}"
    network = architecture.draw(_KEY)
    shape = (ROWS, architecture.n_class + architecture.n_aux)
    value = jax.random.normal(_KEY, shape) if on == "targets" else jax.tree.map(jnp.ones_like, network)
    found = _twice(what, lambda: intervene(value, network, _OTHER_KEY))
    if jax.tree.structure(found) != jax.tree.structure(value):
        raise UsageError(f"{what} returns {type(found).__name__}; allowed: {on} as it is given, {type(value).__name__}")
    for one, like in zip(jax.tree.leaves(found), jax.tree.leaves(value), strict=True):
        _refuse_unless(what, one, like.shape, f"{on} as given")
    _tried(what, lambda: jax.jit(intervene)(value, network, _OTHER_KEY))


def _arguments(architecture: OwnArchitecture) -> dict[str, Any]:
    sizes = {name: getattr(architecture, name) for name in ("n_inputs", "n_class", "n_aux")}
    return sizes | dict(architecture.settings)


def _tried(what: str, call: Callable[[], Any]) -> Any:
    """Return what a call returns; raise a UsageError, which names the part, if it fails."""
    try:
        return call()
    except SottovoceError:
        raise
    # Whatever a user's function raises, on whatever line.
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(f"{what} fails on a trial: {type(error).__name__}: {reason}") from error


def _twice(what: str, call: Callable[[], Any]) -> Any:
    first, second = _tried(what, call), _tried(what, call)
    if not _equal(first, second):
        raise UsageError(f"{what} gives two results for one key; allowed: random numbers from the key alone")
    return first


def _refuse_unless(what: str, value: Any, shape: tuple[int, ...], words: str) -> None:
    is_array = isinstance(value, jax.Array | np.ndarray)
    if not is_array or value.shape != shape or value.dtype != jnp.float32:
        found = f"an array of shape {value.shape} and type {value.dtype}" if is_array else _shown(value)
        raise UsageError(f"{what} returns {found}; allowed: {words}, of shape {shape} and type float32")


def _refuse_unless_finite(what: str, values: PyTree) -> None:
    if not all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(values)):
        raise UsageError(f"{what} is not finite on a trial; allowed: finite numbers at random arguments")


def _shown(value: Any) -> str:
    # The beginning, in one line: modules of equinox print themselves over many.
    return " ".join(repr(value).split())[:60]


def _arrays(tree: PyTree) -> list[Any]:
    return [leaf for leaf in jax.tree.leaves(tree) if isinstance(leaf, jax.Array | np.ndarray)]


def _equal(one: PyTree, other: PyTree) -> bool:
    # Both are made by the same function: where their structures differ, so do the results.
    leaves = [_arrays(tree) for tree in (one, other)]
    return len(leaves[0]) == len(leaves[1]) and all(map(_same, *leaves))


def _same(one: Array, other: Array) -> bool:
    # What is not finite is refused by a sentence of its own.
    return np.array_equal(one, other, equal_nan=bool(jnp.issubdtype(one.dtype, jnp.inexact)))


def _close(one: Array, other: Array) -> bool:
    # Sums of float32 in another order differ in the last digits.
    return bool(jnp.allclose(one, other, rtol=1e-4, atol=1e-4))
