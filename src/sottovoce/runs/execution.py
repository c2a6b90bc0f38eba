"""Execution of an experiment: members on disk are loaded, missing ones computed chunk by chunk."""

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sottovoce.errors import DivergenceError, SottovoceError, UsageError
from sottovoce.runs.identity import canonical, run_header
from sottovoce.runs.locking import claim
from sottovoce.runs.progress import Progress, Silent
from sottovoce.runs.provenance import describe
from sottovoce.runs.store import IncompleteRunError, RunFolder, chunk_name

if TYPE_CHECKING:
    import xarray as xr

POLL_SECONDS = 0.2
DIVERGED_SHARE = 0.1


class Interrupted(SottovoceError):  # noqa: N818 - not an error
    """The user pressed Ctrl-C; finished chunks are on disk."""

    exit_code = 130


class Experiment(Protocol):
    """What a run needs of an experiment."""

    @property
    def name(self) -> str:
        """The experiment's name, part of the identity."""
        ...

    @property
    def version(self) -> int:
        """Version of the experiment's definition, part of the identity."""
        ...

    def check_data(self, config: Any) -> None:
        """Raise a DataError where the data that `simulate` needs cannot be loaded."""

    def simulate(self, config: Any, members: Sequence[int]) -> "xr.Dataset":
        """Compute the given members."""
        ...


class Executor(Protocol):
    """Computes the members that are not on disk."""

    def check(self, experiment: Experiment, config: Any, /) -> None:
        """Raise an error where nothing could be computed, before anything is written."""

    def compute(
        self, experiment: Any, config: Any, folder: RunFolder, members: range, size: int, progress: Progress, /
    ) -> None:
        """Compute and save the members that the folder lacks, at most `size` at once; report each chunk."""


class LocalExecutor:
    """Computes the members in this process, one chunk after another."""

    def check(self, experiment: Experiment, config: Any) -> None:
        """Raise a DataError where the data cannot be loaded."""
        experiment.check_data(config)

    def compute(
        self, experiment: Experiment, config: Any, folder: RunFolder, members: range, size: int, progress: Progress
    ) -> None:
        """Compute and save the missing members; other processes may do the same in the same folder."""
        done = len(members) - len(folder.missing(members))
        progress.start(len(members), done)
        try:
            while done < len(members):
                with claim(folder, members, size) as span:
                    if span:
                        progress.phase(chunk_name(span))
                        folder.save(span, *compute_chunk(experiment, config, span))
                if not span:
                    progress.phase("waiting for another process")
                    time.sleep(POLL_SECONDS)
                # Counted on disk, because other processes save members as well.
                before, done = done, len(members) - len(folder.missing(members))
                if done > before:
                    progress.advance(done - before)
        finally:
            progress.finish()


def execute(
    experiment: Experiment,
    config: Any,
    span: range | None = None,
    *,
    root: Path = Path("out/runs"),
    chunk_size: int | None = None,
    progress: Progress | None = None,
    refresh: bool = False,
    executor: Executor | None = None,
) -> "xr.Dataset":
    """Return an experiment's results; only the members that are not on disk yet are computed.

    Several processes may execute the same run at once; they share its members.

    Args:
        experiment: has name, version, check_data and simulate.
        config: its configuration; unset fields are resolved first.
        span: the members that are wanted; by default all.
        root: folder of all runs.
        chunk_size: how many members are computed and saved together; by default about a sixteenth of all.
        progress: told of every saved chunk; silent by default.
        refresh: forget what is on disk for these members.
        executor: computes the missing members; by default this process.

    Returns:
        The dataset over `member`, as read from disk, with attributes `experiment`, `version`, `identity`,
        `config` (canonical JSON), `cached` (1 if nothing was computed) and `diverged_members` (indices; see
        `check_divergence`).

    Raises:
        UsageError: the configuration or chunk_size is not allowed.
        DataError: members are missing on disk, and so is the dataset to compute them from; nothing is written then.
        StoreError: the store cannot be read or written.
        Interrupted: Ctrl-C was pressed; finished chunks are saved.
    """
    config, executor = config.resolve(), executor or LocalExecutor()
    size = size_of_chunks(chunk_size, config.members)
    members = range(config.members) if span is None else span
    header = run_header(experiment.name, experiment.version, config)
    folder = RunFolder.of(root, header)
    cached = True
    if refresh or folder.missing(members):
        executor.check(experiment, config)  # before a folder is made that would stay empty
    try:
        folder.prepare(header)
        if refresh:
            folder.forget(members)
        dataset = None
        while dataset is None:
            if folder.missing(members):
                cached = False
                executor.compute(experiment, config, folder, members, size, progress or Silent())
            with suppress(IncompleteRunError):  # a damaged chunk was set aside and is computed again
                dataset = folder.load(members)
    except KeyboardInterrupt:
        safe = f"{len(members) - len(folder.missing(members))} of {len(members)} members are safe in {folder.path}"
        raise Interrupted(f"interrupted: {safe}; run the same command again to go on") from None
    described = {"experiment": experiment.name, "version": experiment.version, "identity": header["identity"]}
    dataset.attrs |= described | {"config": canonical(config), "cached": int(cached)}
    dataset.attrs["diverged_members"] = _diverged(dataset)
    return dataset


def check_divergence(dataset: "xr.Dataset", root: Path) -> None:
    """Raise an error if more than a tenth of a result's members diverged.

    Args:
        dataset: as `execute` returns it; all its members are saved.
        root: folder of all runs.

    Raises:
        DivergenceError: more than a tenth diverged; the message names these members and the folder that holds them.
    """
    diverged, n_members = dataset.attrs["diverged_members"], dataset.sizes["member"]
    if len(diverged) > DIVERGED_SHARE * n_members:
        raise DivergenceError(
            f"{len(diverged)} of {n_members} members diverged (non-finite loss), more than a tenth: "
            f"{', '.join(map(str, diverged))}; all are saved in {RunFolder.of(root, dataset.attrs).path}; try a lower "
            "learning rate"
        )


def compute_chunk(experiment: Experiment, config: Any, span: range) -> "tuple[xr.Dataset, dict[str, Any]]":
    """Compute some members: the unit of work for this process or for any other.

    Args:
        experiment: has simulate.
        config: a resolved configuration.
        span: the members.

    Returns:
        The members' results and their provenance, as `RunFolder.save` takes them.
    """
    start = time.perf_counter()
    dataset = experiment.simulate(config, span)
    return dataset, describe(time.perf_counter() - start)


def size_of_chunks(chunk_size: int | None, total: int) -> int:
    """Return how many of `total` members are computed and saved together.

    Raises:
        UsageError: one of the numbers is below 1.
    """
    if total < 1:
        raise UsageError(f"members is {total}; allowed: 1 or more")
    if chunk_size is not None and chunk_size < 1:
        raise UsageError(f"--chunk is {chunk_size}; allowed: 1 or more")
    # About sixteen chunks: an interruption loses little, and the files stay few.
    return chunk_size or max(1, total // 16)


def _diverged(dataset: "xr.Dataset") -> list[int]:
    """Return the members with a non-finite loss."""
    if "diverged" not in dataset:
        return []
    flags = dataset["diverged"]
    # A member counts as diverged if any of its networks is.
    flags = flags.any([dim for dim in flags.dims if dim != "member"])
    return dataset["member"].values[flags.values].tolist()
