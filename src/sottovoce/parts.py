"""The parts of the protocol by name: the built-in ones, and those that a user registers beside them.

A vocabulary has the names, for which no array library is imported, and finds the function of a name when it is asked
for. A user's part is registered by a decorator (docs/own_parts.md). A package that names a module as an entry point of
the group `sottovoce.parts` has its parts found on the command line; workers import the module of a part by name.
"""

import hashlib
import inspect
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from sottovoce.errors import UsageError, not_among

GROUP = "sottovoce.parts"
"""The group of entry points by which installed packages add parts: each is a module that registers them."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_log = logging.getLogger(__name__)
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


@dataclass(frozen=True)
class Own:
    """A part that a user registered.

    Attributes:
        kind: what it is: objective, inputs, network or intervention.
        name: its name, as configurations have it.
        function: the user's function or class.
        on: of an intervention, what it changes.
        digest: SHA-256 of the source of the function's module, or of the function alone in a script or notebook, as it
            was when it was registered, for a file may change while its functions run; None where Python keeps no
            source.
    """

    kind: str
    name: str
    function: Callable[..., Any]
    on: str = ""
    digest: str | None = None

    @property
    def origin(self) -> str:
        """Module and name of the function, as a worker imports it."""
        return f"{self.function.__module__}:{self.function.__qualname__}"


def source_digest(defined: Callable[..., Any]) -> str | None:
    """Return the SHA-256 of the source of the module that defines a function or class; None where Python keeps none.

    The rest of a script or notebook changes without changing what is defined in it, so there it is the source of the
    function or class alone.
    """
    part = defined if defined.__module__ == "__main__" else inspect.getmodule(defined)
    try:
        return hashlib.sha256(inspect.getsource(part or defined).encode()).hexdigest()
    except (OSError, TypeError):
        return None


class Vocabulary(Mapping[str, Any]):
    """The names of one kind of part, in the order in which they are listed, and the functions they stand for."""

    def __init__(self, kind: str, built_in: tuple[str, ...], module: str = "") -> None:
        """List the built-in names.

        Args:
            kind: what the parts are, in a word.
            built_in: the names of the built-in parts.
            module: the module whose attributes of these names the parts are, from the package on; unset: the built-in
                names stand for no single function.
        """
        self.kind, self.built_in, self._module = kind, built_in, module
        self._own: dict[str, Own] = {}

    def __iter__(self) -> Iterator[str]:
        _installed()
        return iter((*self.built_in, *self._own))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self.built_in or name in tuple(self)

    def __getitem__(self, name: str) -> Any:
        """Return the function of a name.

        Raises:
            UsageError: no part has this name, or no single function is behind the name.
        """
        if name in self.built_in and self._module:
            return getattr(import_module(f"sottovoce.{self._module}"), name)
        if (own := self.own(name)) is None:
            raise not_among(self.kind, name, self)
        return own.function

    def own(self, name: str) -> Own | None:
        """Return the user's part of a name; None where there is none."""
        if name not in self.built_in:
            _installed()
        return self._own.get(name)

    def has_own(self) -> bool:
        """Return whether a user has registered a part of this kind."""
        _installed()
        return bool(self._own)

    def register(self, name: str, on: str = "") -> Decorator:
        """Return a decorator that registers a function or a class under a name, and returns it as it is.

        Raises:
            UsageError: the name is no lower-case word of letters, digits and underscores, or is taken by another part.
        """
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise UsageError(f"the name of the {self.kind} is {name!r}; allowed: lower-case letters, digits and _")

        def add(function: Callable[..., Any]) -> Callable[..., Any]:
            # An object that can be called, such as a partial function, has no name to import it by.
            if not callable(function) or not hasattr(function, "__qualname__"):
                raise UsageError(f"the {self.kind} {name} is {function!r}; allowed: a function or a class")
            one = Own(self.kind, name, function, on, source_digest(function))
            known = self._own.get(name)
            # In a notebook a function is defined again and again; the new one takes the place of the old.
            if name in self.built_in or (known is not None and known.origin != one.origin):
                raise UsageError(
                    f"the name {name} is taken by {known.origin if known else 'a built-in'} {self.kind}; choose another"
                )
            self._own[name] = one
            return function

        return add


@cache
def _installed() -> None:
    """Import the modules of installed packages that register parts; what cannot be had is left out with a warning."""
    for point in entry_points(group=GROUP):
        try:
            point.load()
        # Whatever is wrong with a package of someone else, this package's own commands go on.
        except Exception as error:
            _log.warning("parts %s of %s are left out: %s", point.name, point.value, error)


ACTIVATIONS = Vocabulary("activation", ("relu", "gelu", "tanh", "linear"), "networks.activations")
INITIALIZATIONS = Vocabulary("initialization", ("normal", "uniform", "orthogonal"), "networks.schemes")
PRECISIONS = Vocabulary("precision", ("float32", "tensorfloat32", "bfloat16"), "networks.products")
OPTIMIZERS = Vocabulary("optimizer", ("adam", "adamw", "sgd", "momentum", "sign"), "training.optimizers")
OBJECTIVES = Vocabulary("objective", ("kl", "mse", "centered_mse", "hard"), "training.objectives")
INPUTS = Vocabulary(
    "inputs",
    (
        *("uniform", "normal", "images", "permuted_images", "shuffled_images"),
        *("blurred", "spectrum_matched", "low_rank", "mixture", "constant"),
    ),
    "data.kinds",
)
NETWORKS = Vocabulary("network", ("mlp",))
INTERVENTIONS = Vocabulary(
    "intervention",
    (
        *("projection", "projection_control", "step_projection", "step_projection_control"),
        *("held", "decay", "noisy_targets", "two_teachers"),
    ),
)
# The vocabularies that a user may add to, by kind.
OPEN = {one.kind: one for one in (OBJECTIVES, INPUTS, NETWORKS, INTERVENTIONS)}


def register_objective(name: str) -> Decorator:
    """Register an objective of distillation under a name.

    The function maps `student` and `teacher`, logits `(sample, logit)`, `mask` `(logit,)`, which is true for the logits
    that are distilled, and `temperature`, a scalar, to one value per sample `(sample,)`, of which the batch's mean is
    minimized. It is traced by jax. All arrays are float32.

    Raises:
        UsageError: the name is not allowed or taken. That a function breaks the contract is said by the first run.
    """
    return OBJECTIVES.register(name)


def register_inputs(name: str) -> Decorator:
    """Register a kind of distillation inputs under a name.

    The function maps a `data.kinds.Source` (the member's key, the number of pixels, the training images) to a function
    of a row's own key and index, which makes one input `(input,)`, float32. It is traced by jax.

    Raises:
        UsageError: as for `register_objective`.
    """
    return INPUTS.register(name)


def register_network(name: str) -> Decorator:
    """Register a network under a name: a class or function that builds an `equinox.Module`.

    It is given `key`, `n_inputs`, `n_class`, `n_aux` and those of the fields width, depth, channels, activation,
    initialization, precision and orthonormal_heads that it has as parameters. The module's methods `class_logits` and
    `aux_logits` map inputs `(sample, input)` to logits `(sample, n_class)` and `(sample, n_aux)`, of each sample on its
    own. All its arrays are float32, and all are trained.

    Raises:
        UsageError: as for `register_objective`.
    """
    return NETWORKS.register(name)


def register_intervention(name: str, on: str) -> Decorator:
    """Register an intervention on a student's training under a name, for the experiment `alignment`.

    The function maps what it changes, the student and a key of the step to the same, changed.

    Args:
        name: the name.
        on: what is changed at every step: "targets", the teacher's logits `(sample, logit)` on the batch; "gradient",
            a pytree like the network; or "step", what the optimizer adds to the weights, likewise.

    Raises:
        UsageError: as for `register_objective`, or `on` is none of the three.
    """
    if on not in (allowed := ("targets", "gradient", "step")):
        raise not_among("on", on, allowed)
    return INTERVENTIONS.register(name, on)
