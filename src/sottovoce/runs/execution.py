"""Execution of an experiment: members on disk are loaded, missing ones computed chunk by chunk."""

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from sottovoce.errors import DivergenceError, SottovoceError, UsageError
from sottovoce.runs import weights
from sottovoce.runs.identity import canonical, run_header
from sottovoce.runs.interrupts import remembered
from sottovoce.runs.locking import claim
from sottovoce.runs.progress import Progress, Silent
from sottovoce.runs.provenance import describe
from sottovoce.runs.store import IncompleteRunError, RunFolder, chunk_name

if TYPE_CHECKING:
    import xarray as xr

ROOT = Path("out/runs")
POLL_SECONDS = 0.2
DIVERGED_SHARE = 0.1
_log = logging.getLogger(__name__)


class Interrupted(SottovoceError):  # noqa: N818 - not an error
    """The user pressed Ctrl-C; finished chunks are on disk."""

    exit_code = 130


class _Experiment(Protocol):
    """What a run needs of an experiment; `lab.experiment.Experiment` says what its parts mean."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    def check_data(self, config: Any) -> None: ...
    def sources(self, config: Any) -> dict[str, str]: ...
    def simulate(self, config: Any, members: Sequence[int]) -> "xr.Dataset": ...
    def train(self, config: Any, members: Sequence[int]) -> Any: ...


@dataclass(frozen=True, eq=False)
class Job:
    """Members of one configuration that are to be saved under a root folder."""

    experiment: Any  # an `_Experiment`; for workers, one of the registry
    config: Any  # resolved
    members: range
    size: int  # how many members are computed and saved together
    root: Path

    @classmethod
    def of(
        cls, experiment: Any, config: Any, members: range | None = None, *, root: Path = ROOT, size: int | None = None
    ) -> Self:
        """Return the job of some or all members of a configuration, whose fields and size are checked."""
        config = config.resolve()
        if config.members < 1:
            raise UsageError(f"members is {config.members}; allowed: 1 or more")
        if size is not None and size < 1:
            raise UsageError(f"--chunk is {size}; allowed: 1 or more")
        # About sixteen chunks by default: an interruption loses little, and the files stay few.
        size = size or max(1, config.members // 16)
        return cls(experiment, config, range(config.members) if members is None else members, size, root)

    @cached_property
    def header(self) -> dict[str, Any]:
        """Description of the run, as `identity.run_header` returns it."""
        return run_header(self.experiment.name, self.experiment.version, self.config)

    @cached_property
    def folder(self) -> RunFolder:
        """The run's folder."""
        return RunFolder.of(self.root, self.header)

    def missing(self) -> int:
        """Return how many of the members are not on disk."""
        return len(self.folder.missing(self.members))

    def prepare(self, *, refresh: bool = False) -> None:
        """Make the folder, or check that it belongs to this run; forget the members on disk if they are refreshed."""
        self.folder.prepare(self.header)
        if refresh:
            self.folder.forget(self.members)
            weights.forget(self.folder, self.members)


class _Executor(Protocol):
    """Computes the members that are not on disk; `check` raises an error before anything is written if it cannot."""

    def check(self, job: Job, /) -> None: ...
    def compute(self, job: Job, progress: Progress, /) -> None: ...


@dataclass(frozen=True)
class LocalExecutor:
    """Computes the members in this process, one chunk after another.

    Attributes:
        keep_weights: whether the weights of the members' networks are saved beside their results.
    """

    keep_weights: bool = False

    def check(self, job: Job) -> None:
        """Raise a DataError where the data cannot be loaded."""
        job.experiment.check_data(job.config)

    def compute(self, job: Job, progress: Progress) -> None:
        """Compute and save the missing members; other processes may do the same in the same folder."""
        missing = job.missing()
        progress.start(len(job.members), len(job.members) - missing)
        try:
            with remembered() as raise_if_interrupted:
                while missing:
                    with claim(job.folder, job.members, job.size) as span:
                        if span:
                            progress.phase(chunk_name(span))
                            keep = job.folder if self.keep_weights else None
                            job.folder.save(span, *compute_chunk(job.experiment, job.config, span, keep))
                    # Other processes have claimed all that is missing. They save it, or they die and it is free again.
                    if not span:
                        progress.phase("waiting for another process")
                        time.sleep(POLL_SECONDS)
                    # Counted on disk, because other processes save members as well.
                    before, missing = missing, job.missing()
                    if missing < before:
                        progress.advance(before - missing)
                    raise_if_interrupted()
        finally:
            progress.finish()


def execute(
    experiment: _Experiment,
    config: Any,
    span: range | None = None,
    *,
    root: Path = ROOT,
    chunk_size: int | None = None,
    progress: Progress | None = None,
    refresh: bool = False,
    executor: _Executor | None = None,
) -> "xr.Dataset":
    """Return an experiment's results, of all members or of a span; only those that are not on disk yet are computed.

    Several processes may execute the same run at once; they share its members. By default this process computes about
    a sixteenth of all members at once, and saves them. With `refresh`, what is on disk for these members is forgotten.

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
    job, executor = Job.of(experiment, config, span, root=root, size=chunk_size), executor or LocalExecutor()
    cached, dataset = True, None
    if refresh or job.missing():
        executor.check(job)  # before a folder is made that would stay empty
    try:
        job.prepare(refresh=refresh)
        while dataset is None:
            if job.missing():
                cached = False
                executor.compute(job, progress or Silent())
            with suppress(IncompleteRunError):  # a damaged chunk was set aside and is computed again
                dataset = job.folder.load(job.members)
    except KeyboardInterrupt:
        safe = f"{len(job.members) - job.missing()} of {len(job.members)} members are safe in {job.folder.path}"
        raise Interrupted(f"interrupted: {safe}; run the same command again to go on") from None
    _warn_of_other_sources(job)
    described = {name: job.header[name] for name in ("experiment", "version", "identity")}
    return dataset.assign_attrs(
        **described, config=canonical(job.config), cached=int(cached), diverged_members=_diverged(dataset)
    )


def _warn_of_other_sources(job: Job) -> None:
    """Warn where members were computed by other sources than the present ones."""
    own = job.experiment.sources(job.config)
    if not own:
        return
    saved = [made.get("sources", {}) for made in job.folder.provenance()]
    for what, digest in own.items():
        if {sources.get(what, digest) for sources in saved} == {digest}:
            continue
        if what == "experiment":
            changed, advice = f"{job.experiment.name} version {job.experiment.version}", "raise the version"
        else:
            changed, advice = what, "give it another name"
        folder = job.folder.path
        _log.warning(
            "members in %s were computed by another source of %s; %s where values change", folder, changed, advice
        )


def check_divergence(dataset: "xr.Dataset", root: Path) -> None:
    """Raise a DivergenceError, which names them, if more than a tenth of a result's members diverged."""
    diverged, n_members = dataset.attrs["diverged_members"], dataset.sizes["member"]
    if len(diverged) > DIVERGED_SHARE * n_members:
        raise DivergenceError(
            f"{len(diverged)} of {n_members} members diverged (non-finite loss), more than a tenth: "
            f"{', '.join(map(str, diverged))}; all are saved in {RunFolder.of(root, dataset.attrs).path}; try a lower "
            "learning rate"
        )


def compute_chunk(
    experiment: _Experiment, config: Any, span: range, keep: RunFolder | None = None
) -> "tuple[xr.Dataset, dict[str, Any]]":
    """Compute some members, and return their results and provenance: the unit of work of any process.

    With a folder to keep them in, the weights of the members' networks are saved there first, so that a chunk that
    exists has its weights.
    """
    import xarray as xr

    start = time.perf_counter()
    if keep is None:
        dataset = experiment.simulate(config, span)
    else:
        trained = experiment.train(config, span)
        dataset = trained.dataset
        for i, member in enumerate(span):
            weights.save(keep, member, weights.of_member(trained.arrays, i))
    if not isinstance(dataset, xr.Dataset):
        raise UsageError(
            f"{experiment.name}: simulate returned {dataset!r:.60}; allowed: an xarray.Dataset over member"
        )
    described = describe(time.perf_counter() - start)
    sources = experiment.sources(config)
    return dataset, described | {"sources": sources} if sources else described


def _diverged(dataset: "xr.Dataset") -> list[int]:
    """Return the members with a non-finite loss of any network."""
    if "diverged" not in dataset:
        return []
    flags = dataset["diverged"]
    flags = flags.any([dim for dim in flags.dims if dim != "member"])
    return dataset["member"].values[flags.values].tolist()
