"""Training by one call from Python: the networks of an experiment's members."""

from collections.abc import Sequence
from typing import Any

from sottovoce import data
from sottovoce.errors import UsageError
from sottovoce.lab import registry
from sottovoce.lab.fields import converted
from sottovoce.running.run import (
    LOCAL,
    Execution,
    chosen_execution,
    members_in_chunk,
    prepare,
    run_config,
    start_before_trials,
)
from sottovoce.running.weights import networks
from sottovoce.runs.identity import run_header
from sottovoce.runs.store import RunFolder


def train(
    experiment: str | registry.Experiment,
    /,
    *,
    of: Any = None,
    execution: Execution | None = None,
    **settings: Any,
) -> dict[int, dict[str, Any]]:
    """Return trained networks of an experiment: reference, teacher and students of chosen members.

    Weights that were saved (`Execution(keep_weights=True)`, `--keep-weights`) are loaded. All other members are
    trained, and where their results are saved, they are checked to be equal to those. Nothing is saved, unless the
    execution says to keep weights: then the run is completed as `run` does.

    Args:
        experiment: transfer, sharing, decoding, spectrum or prediction, or an experiment of your own that defines
            `train`.
        of: the index of a member, or several, NumPy's too; unset: all members.
        execution: as for `run`.
        **settings: as for `run`.

    Returns:
        By member and role, networks with `class_logits(x)` of inputs `(sample, input)` in the range of the run's
        pixels: a `networks.mlp.MLP`, or the module of your own network.

    Raises:
        UsageError: the experiment, a field or its value is not allowed, or the experiment returns no networks.
        StoreError: saved weights are damaged, or a member that is trained again differs from its saved results.
    """
    chosen, execution = registry.experiment(experiment), chosen_execution(execution)
    if execution.executor != LOCAL:
        raise UsageError(f"executor is {execution.executor!r}; allowed: {LOCAL}, for networks stay in this process")
    start_before_trials(chosen, execution)
    config = chosen.Config(**converted(chosen.Config, settings)).resolve()
    if execution.keep_weights:
        run_config(chosen, config, execution)
    with data.searched_first(execution.data_dir):
        prepare(execution, trains=chosen.trains)
        members = range(config.members) if of is None else _members(of)
        folder = RunFolder.of(execution.out / "runs", run_header(chosen.name, chosen.version, config))
        return networks(chosen, config, members, folder, members_in_chunk(chosen, config, execution) or 1)


def _members(of: Any) -> list[Any]:
    # Scalars and arrays of NumPy become Python's.
    given: Any = of.tolist() if hasattr(of, "tolist") else of
    several: list[Any] = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    return [one.item() if hasattr(one, "item") else one for one in several]
