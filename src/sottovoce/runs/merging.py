"""Merging the runs of one folder into another: each chunk is verified, nothing overwritten, the source unchanged."""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sottovoce.errors import StoreError, UsageError
from sottovoce.runs import catalog
from sottovoce.runs.execution import Interrupted
from sottovoce.runs.identity import run_header
from sottovoce.runs.locking import claim
from sottovoce.runs.store import IncompleteRunError, RunFolder

if TYPE_CHECKING:
    import xarray as xr


@dataclass
class Tally:
    """The outcome of merging one source."""

    source: Path  # the folder of runs
    runs: int = 0
    chunks: int = 0
    taken: int = 0  # members brought over
    present: int = 0  # members that the target had already, with the same values
    refused: list[str] = field(default_factory=list)  # one sentence on each run, chunk or part that was left out

    def __str__(self) -> str:
        members = f"{self.taken} members taken, {self.present} already there, {len(self.refused)} refused"
        return f"{self.source}: {self.runs} runs, {self.chunks} chunks; {members}"


def merge(source: Path, root: Path) -> Tally:
    """Bring the runs of one folder into another; a repeated call takes only what is new.

    Other processes may compute in `root` at the same time. Damaged chunks, runs of a newer store format, and members
    that the target has with other values are refused.

    Raises:
        UsageError: the source is no folder, or is `root` itself.
        Interrupted: Ctrl-C was pressed; the members brought over so far are saved.
    """
    if not source.is_dir():
        raise UsageError(f"source is {str(source.parent)!r}; allowed: a folder that holds {source.name}/")
    if source.resolve() == root.resolve():
        raise UsageError(f"source is {str(source.parent)!r}, which is merged into; allowed: other folders")
    tally = Tally(source)
    try:
        for run in catalog.runs(source):
            _merge_run(run.folder, root, tally)
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted: {tally.taken} members are safe in {root}; run the same command again to go on"
        ) from None
    return tally


def _merge_run(source: RunFolder, root: Path, tally: Tally) -> None:
    spans = source.spans()
    tally.runs, tally.chunks = tally.runs + 1, tally.chunks + len(spans)
    try:
        # A source may have been copied or edited by hand, so nothing that it says of itself is trusted.
        header = _verified_header(source)
        target = RunFolder.of(root, header)
        # A run without chunks would leave an empty folder.
        if spans:
            target.prepare(header)
    except StoreError as error:
        tally.refused.append(str(error))
        return
    for span in spans:
        name = source.file(span)
        try:
            # Read, not loaded: loading would set a damaged chunk aside, and the source must not change.
            chunk, provenance = source.read(span, header["identity"]), source.provenance_of(span)
        except (OSError, ValueError, StoreError) as error:
            tally.refused.append(f"{name} is left out: {error}")
            continue
        _merge_chunk(chunk, span, provenance, target, name, tally)


def _verified_header(run: RunFolder) -> dict[str, Any]:
    """Return the run's header; a StoreError where the identity or the folder's name do not follow from it."""
    stored = run.header()
    # Values of any type may be missing or in place of others; whichever error that gives, the refusal is the same.
    with suppress(KeyError, TypeError, AttributeError, UsageError):
        header = run_header(stored["experiment"], stored["version"], stored["config"])
        if header["identity"] == stored["identity"] and RunFolder.of(run.path.parent, header) == run:
            return header
    raise StoreError(f"{run.path} is left out: its name and identity are not those of what run.json describes")


def _merge_chunk(
    chunk: "xr.Dataset", span: range, provenance: dict[str, Any], target: RunFolder, name: Path, tally: Tally
) -> None:
    """Take the members that the target lacks; compare the others with the target's."""
    from sottovoce.runs.chunks import checksum

    held = _held(target, span)
    if held is not None:
        # Checked first: chunks that disagree about what all members share could not be loaded together again.
        if checksum(chunk.drop_dims("member")) != checksum(held.drop_dims("member")):
            tally.refused.append(f"{name} is left out: {target.path} holds other values of what all members share")
            return
        shared = [member for member in held["member"].values.tolist() if member in span]
        differing = [m for m in shared if checksum(chunk.sel(member=[m])) != checksum(held.sel(member=[m]))]
        tally.present += len(shared) - len(differing)
        if differing:
            members = ", ".join(map(str, differing))
            tally.refused.append(f"{name}: {target.path} holds other values of members {members}, which are kept")
    # A claim is contiguous, so every gap among the members that the target has takes a claim of its own.
    while True:
        # A claim keeps a process that computes these members from writing them as well.
        with claim(target, span, len(span)) as lacking:
            if lacking is None:
                break
            target.save(lacking, chunk.sel(member=list(lacking)), provenance)
            tally.taken += len(lacking)
    if claimed := target.missing(span):
        tally.refused.append(f"{name}: another process is computing members {', '.join(map(str, claimed))}")


def _held(target: RunFolder, span: range) -> "xr.Dataset | None":
    """Return the target's results of some members; of any one member if it has none of these; None if it is empty."""
    while members := target.members():
        with suppress(IncompleteRunError):  # a damaged chunk was set aside while loading
            return target.load([member for member in members if member in span] or members[:1])
    return None
