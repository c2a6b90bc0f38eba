"""Every point of a plan, run or loaded, with one progress for all."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sottovoce import data
from sottovoce.api import Execution, run_config, spread
from sottovoce.errors import DivergenceError
from sottovoce.runs.progress import Progress, choose
from sottovoce.sweeps import saved
from sottovoce.sweeps.joining import join
from sottovoce.sweeps.planning import Plan, plan

if TYPE_CHECKING:
    import xarray as xr


def sweep(
    name: str,
    over: Mapping[str, Sequence[Any]] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None,
    *,
    execution: Execution | None = None,
    **settings: Any,
) -> "xr.Dataset":
    """Run an experiment at many settings, loading the points that have been run before.

    Args:
        name: an experiment, for example "transfer".
        over: values by field, for example {"n_aux": [2, 3, 8]}: a grid.
        points: settings of each point: a list.
        execution: how to run; silent by default.
        **settings: fields that all points share.

    Returns:
        The results with the swept fields as dimensions (of a list: the dimension `point`, with the fields along it).
        A point at which more than a tenth of the members diverged is there with these members flagged.

    Raises:
        UsageError: a field or a value is not allowed; nothing has run then.
    """
    execution = execution or Execution(quiet=True)
    with data.searched_first(execution.data_dir):
        return run_plan(plan(name, over, points, **settings), execution)


def run_plan(planned: Plan, execution: Execution) -> "xr.Dataset":
    """Run every point of a plan; see `sweep`."""
    total = sum(config.members for config in planned.configs)
    missing = sum(saved.missing(planned, config, execution) for config in planned.configs)
    overall = choose(f"sweep {planned.experiment.name}", quiet=execution.quiet)
    overall.start(total, total - missing)
    part, results = _Part(overall), []
    try:
        execution, computed = spread([(planned.experiment, config) for config in planned.configs], execution, part)
        for config, n_computed in zip(planned.configs, computed, strict=True):
            try:
                result = run_config(planned.experiment, config, execution, progress=part)
            except DivergenceError as error:
                result = error.dataset
            result.attrs["cached"] &= n_computed == 0
            results.append(result)
    finally:
        overall.finish()
    return join(planned, results)


class _Part:
    """The progress of one point, told to that of the whole."""

    def __init__(self, whole: Progress) -> None:
        self._whole = whole
        self.phase = whole.phase
        self.advance = whole.advance

    def start(self, total: int, done: int) -> None:
        """Tell nothing: the whole has started."""

    def finish(self) -> None:
        """Tell nothing: the whole goes on."""
