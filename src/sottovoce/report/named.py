"""The sweeps that the report shows, by name and dataset; one command each makes them."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from sottovoce.lab import fields as of_fields
from sottovoce.sweeps.planning import plan
from sottovoce.sweeps.saved import load, load_points

if TYPE_CHECKING:
    import xarray as xr


class Named(NamedTuple):
    """A sweep of the report.

    Attributes:
        experiment: whose field is swept.
        field: the field.
        values: its values.
        fixed: other fields that are not at their presets.
    """

    experiment: str
    field: str
    values: tuple[Any, ...]
    fixed: Mapping[str, Any] = MappingProxyType({})

    def settings(self, dataset: str) -> dict[str, Any]:
        """Return the fields that all points share."""
        return {"dataset": dataset, **self.fixed}

    @property
    def is_one_run(self) -> bool:
        """Whether the experiment takes all values at once: the students of one teacher."""
        return self.experiment == "spectrum"

    def command(self, dataset: str, members: int) -> str:
        """Return the command that makes it."""
        fields = {**self.settings(dataset), "members": members}
        if self.is_one_run:
            return f"sottovoce run {self.experiment} {of_fields.flags({self.field: self.values, **fields})}"
        values = ",".join(str(of_fields.label(value)) for value in self.values)
        return f"sottovoce sweep {self.experiment} --over {self.field}={values} {of_fields.flags(fields)}"


KINDS = (
    "uniform", "normal", "images", "permuted_images", "shuffled_images", "blurred", "spectrum_matched", "low_rank",
    "constant",
)  # fmt: skip
_DESCRIBED = {"variant": "described"}
SWEEPS: Mapping[str, Mapping[str, Named]] = MappingProxyType(
    {
        "sweep_n_aux": {
            "mnist": Named("spectrum", "n_aux", (1, 2, 3, 5, 10, 20, 50, 100, 300, 1000), _DESCRIBED),
            "digits": Named("spectrum", "n_aux", (1, 2, 3, 5, 10, 20, 50, 100, 200), {**_DESCRIBED, "width": 64}),
        },
        "sweep_width": {
            "mnist": Named("transfer", "width", (32, 64, 128, 256, 512)),
            "digits": Named("transfer", "width", (16, 32, 64, 128, 256)),
        },
        "sweep_learning_rate": {
            "mnist": Named("transfer", "learning_rate", (3e-5, 1e-4, 3e-4, 1e-3, 3e-3)),
            "digits": Named("transfer", "learning_rate", (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)),
        },
        "sweep_teacher_epochs": {
            "mnist": Named("transfer", "teacher_epochs", (1, 2, 5, 10, 20)),
            "digits": Named("transfer", "teacher_epochs", (5, 15, 60, 120)),
        },
        "sweep_inputs": {
            "mnist": Named("transfer", "inputs", KINDS),
            # As many inputs of every kind as there are images to make some of, and the preset's number of steps.
            "digits": Named("transfer", "inputs", KINDS, {"n_inputs": 1442, "student_steps": 785}),
        },
    }
)
"""Of several datasets that a store has in full, the first is shown."""


def load_named(root: Path) -> "dict[str, xr.Dataset]":
    """Load every sweep of which all points are in a store, computing nothing.

    Args:
        root: folder of all runs.

    Returns:
        Datasets by the names of `SWEEPS`, of the members that all points have, with the attribute `command`.
    """
    found = {}
    for name, by_dataset in SWEEPS.items():
        loaded = ((dataset, sweep, _load(dataset, sweep, root)) for dataset, sweep in by_dataset.items())
        for dataset, sweep, result in loaded:
            if result is not None:
                found[name] = result.assign_attrs(command=sweep.command(dataset, result.sizes["member"]))
                break
    return found


def _load(dataset: str, sweep: Named, root: Path) -> "xr.Dataset | None":
    from sottovoce.sweeps import points as sweeps_points

    if not sweep.is_one_run:
        return load(plan(sweep.experiment, {sweep.field: sweep.values}, **sweep.settings(dataset)), root)
    planned = plan(sweep.experiment, points=[{sweep.field: sweep.values}], **sweep.settings(dataset))
    points = load_points(planned, root)
    return sweeps_points.by_n_aux(points[0]) if points else None
