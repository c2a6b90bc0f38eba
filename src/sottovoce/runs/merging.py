"""Runs of another folder brought into one: verified chunk by chunk, nothing overwritten, the source left as it is."""

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
    """What came of one source.

    Attributes:
        source: its folder of runs.
        runs: runs that it holds.
        chunks: chunks of these.
        taken: members brought over.
        present: members that were there already, with the same values.
        refused: a sentence on each run, chunk or part of one that was not brought over.
    """

    source: Path
    runs: int = 0
    chunks: int = 0
    taken: int = 0
    present: int = 0
    refused: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        members = f"{self.taken} members taken, {self.present} already there, {len(self.refused)} refused"
        return f"{self.source}: {self.runs} runs, {self.chunks} chunks; {members}"


def merge(source: Path, root: Path) -> Tally:
    """Bring the runs of one folder into another; repeated, it takes only what is new.

    Args:
        source: folder of runs; only read.
        root: folder of runs to bring them to; made if absent. Processes may compute in it meanwhile.

    Returns:
        What was taken, what was there, and what was refused: damaged chunks, runs of a newer store, members that are
        there with other values.

    Raises:
        UsageError: the source is no folder, or is `root` itself.
        StoreError: `root` cannot be written.
        Interrupted: Ctrl-C; what was brought over is safe.
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
        header = _verified_header(source)
        target = RunFolder.of(root, header)
        if spans:
            target.prepare(header)
    except StoreError as error:
        tally.refused.append(str(error))
        return
    for span in spans:
        name = source.file(span)
        try:
            chunk, provenance = source.read(span, header["identity"]), source.provenance_of(span)
        except (OSError, ValueError, StoreError) as error:
            tally.refused.append(f"{name} is left out: {error}")
            continue
        _merge_chunk(chunk, span, provenance, target, name, tally)


def _verified_header(run: RunFolder) -> dict[str, Any]:
    """Return what run.json says, where the identity and the folder's name follow from it.

    Raises:
        StoreError: they do not, or run.json is unreadable or of a newer format.
    """
    found = run.header()
    with suppress(KeyError, TypeError, AttributeError, UsageError):
        header = run_header(found["experiment"], found["version"], found["config"])
        if header["identity"] == found["identity"] and RunFolder.of(run.path.parent, header) == run:
            return header
    raise StoreError(f"{run.path} is left out: its name and identity are not those of what run.json describes")


def _merge_chunk(
    chunk: "xr.Dataset", span: range, provenance: dict[str, Any], target: RunFolder, name: Path, tally: Tally
) -> None:
    """Take the members that the target lacks; compare the others with what it holds."""
    from sottovoce.runs.chunks import checksum

    held = _held(target, span)
    if held is not None:
        if checksum(chunk.drop_dims("member")) != checksum(held.drop_dims("member")):
            tally.refused.append(f"{name} is left out: {target.path} holds other values of what all members share")
            return
        both = [member for member in held["member"].values.tolist() if member in span]
        differing = [m for m in both if checksum(chunk.sel(member=[m])) != checksum(held.sel(member=[m]))]
        tally.present += len(both) - len(differing)
        if differing:
            members = ", ".join(map(str, differing))
            tally.refused.append(f"{name}: {target.path} holds other values of members {members}, which are kept")
    while True:
        # A claim, so that a process which computes these members and this one do not write them both.
        with claim(target, span, len(span)) as lacking:
            if lacking is None:
                break
            target.save(lacking, chunk.sel(member=list(lacking)), provenance)
            tally.taken += len(lacking)
    if left := target.missing(span):
        tally.refused.append(f"{name}: another process is computing members {', '.join(map(str, left))}")


def _held(target: RunFolder, span: range) -> "xr.Dataset | None":
    """Return what the target holds of some members; where it holds none of them, any one; where it is empty, None."""
    while members := target.members():
        with suppress(IncompleteRunError):  # a damaged chunk was set aside
            return target.load([member for member in members if member in span] or members[:1])
    return None
