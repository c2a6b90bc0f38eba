"""The list of experiments, written by hand: the command line and the store know experiments only through it."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from sottovoce.errors import not_among

if TYPE_CHECKING:
    import xarray as xr


class Config(Protocol):
    """What every experiment's configuration offers: a frozen dataclass of scientific fields."""

    __dataclass_fields__: ClassVar[dict[str, Any]]
    members: Any

    def resolve(self) -> Self:
        """Return the configuration with every field filled in and checked."""
        ...

    @classmethod
    def smoke(cls) -> Self:
        """Return the smallest configuration that still runs everything, in seconds."""
        ...


@dataclass(frozen=True)
class Experiment:
    """One experiment.

    Attributes:
        name: its name, which is its folder's.
        summary: what it asks.
        trains: whether it computes on jax's devices, from a dataset's images.
        side_by_side: members that it computes for little more than the price of one; None: no such gain.
    """

    name: str
    summary: str
    trains: bool = True
    side_by_side: int | None = None

    @property
    def VERSION(self) -> int:  # noqa: N802 - the module's own constant
        """Version of the experiment's meaning; part of the identity of every result."""
        return self._module().VERSION

    @property
    def Config(self) -> type[Any]:  # noqa: N802 - the module's own class
        """The frozen dataclass of the experiment's fields."""
        return self._module().Config

    def check_data(self, config: Any) -> None:
        """Load the configuration's dataset, if it has one.

        Raises:
            DataError: its files are missing or damaged.
        """
        if self.trains:
            from sottovoce.data import load_dataset

            load_dataset(config.dataset)

    def simulate(self, config: Any, members: Sequence[int]) -> "xr.Dataset":
        """Compute the given members."""
        return self._module("simulate").simulate(config, members)

    def _module(self, part: str = "config") -> Any:
        return importlib.import_module(f"sottovoce.experiments.{self.name}.{part}")


REGISTRY = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            "toy", "Does a linear student taught one logit match the others? (the post's Figures 1 and 2)", trains=False
        ),
        Experiment(
            "toy_training",
            "Does a toy student that is trained end at the closed form, and if W2 moves?",
            trains=False,
            side_by_side=8,
        ),
        Experiment("capture", "How much of a class direction do k auxiliary logits capture?", trains=False),
        Experiment(
            "calibration", "Do the counts of directions keep their promises, and what do they see?", trains=False
        ),
        Experiment("transfer", "Does a student taught auxiliary logits on noise classify digits? (Cloud's six bars)"),
        Experiment("spectrum", "Does the student's spectrum show as many directions as logits? (the post's Figure 3)"),
        Experiment("inputs", "What do the kinds of distillation inputs look like, and how do they vary?"),
        Experiment("decoding", "How do the directions get used? (bodies and heads exchanged, probes, drift)"),
        Experiment("sharing", "Which block of the initialization carries transfer? (a factorial over trunk and heads)"),
        Experiment("theorem", "Does one step toward a teacher carry the student along? (Cloud's Theorem 1)"),
        Experiment("prediction", "How good will a student be, from what exists before it is trained?"),
        Experiment(
            "alignment", "What does the gradient on auxiliary logits do for the class, and what stops transfer?"
        ),
    )
}


def experiment(name: str) -> Experiment:
    """Return an experiment by name.

    Raises:
        UsageError: no experiment has this name; the message lists them with the nearest match.
    """
    if name not in REGISTRY:
        raise not_among("experiment", name, REGISTRY)
    return REGISTRY[name]
