"""The folder of one run: its description (run.json) and the members that are saved (chunks/).

A chunk file holds contiguous members and is named after them, so that a listing of the folder shows which members are
missing. Chunks may differ in size and overlap; a member has the same values in whichever chunk it is.
"""

import json
import logging
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sottovoce.errors import StoreError
from sottovoce.runs.disk import TEMPORARY, store_errors, write_atomically

if TYPE_CHECKING:
    import xarray as xr

FORMAT = 1
_CHUNK = re.compile(r"members-(\d+)-(\d+)\.h5")
_log = logging.getLogger(__name__)


class IncompleteRunError(StoreError):
    """The folder lacks members that were asked for."""


def chunk_name(span: range) -> str:
    """Return the name, without suffix, of the chunk of members `span[0]` to `span[-1]`."""
    return f"members-{span[0]:06d}-{span[-1]:06d}"


@dataclass(frozen=True)
class RunFolder:
    """The folder of one configuration's results; it need not exist yet."""

    path: Path

    @classmethod
    def of(cls, root: Path, header: Mapping[str, Any]) -> Self:
        """Return the folder, under `root`, of the run that `identity.run_header` describes."""
        # Twelve digits are enough for a name: run.json has the whole identity, which `prepare` compares.
        return cls(Path(root) / f"{header['experiment']}-{header['identity'][:12]}")

    @property
    def chunks(self) -> Path:
        """Where the chunk files are."""
        return self.path / "chunks"

    def file(self, span: range, suffix: str = ".h5") -> Path:
        """Return the path of the chunk of these members, or of its provenance with the suffix ".json"."""
        return self.chunks / f"{chunk_name(span)}{suffix}"

    def header(self) -> dict[str, Any]:
        """Return run.json: format, experiment, version, identity and config.

        Raises:
            StoreError: the file is missing, unreadable, without an identity, or of a newer format.
        """
        file = self.path / "run.json"
        try:
            header = json.loads(file.read_bytes())
            if header["format"] > FORMAT:
                raise StoreError(
                    f"{self.path} was written by a newer sottovoce (store format {header['format']}, here "
                    f"{FORMAT}); upgrade sottovoce, or choose another folder"
                )
            _ = header["identity"]  # without it, no chunk could be recognized as this run's
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{file} does not describe a run: {error or type(error).__name__}") from error
        return header

    @property
    def identity(self) -> str:
        """The run's identity, as run.json says; errors as for `header`."""
        return self.header()["identity"]

    def prepare(self, header: Mapping[str, Any]) -> None:
        """Make the folder and its run.json, or check that the existing ones belong to the run of `identity.run_header`.

        Raises:
            StoreError: the folder belongs to another run, is of a newer format, or cannot be written.
        """
        file = self.path / "run.json"
        if not file.exists():
            text = json.dumps({"format": FORMAT, **header}, indent=2, sort_keys=True) + "\n"
            try:
                write_atomically(file, text.encode())
            except StoreError:
                # Another process may have written the file first, and removed this process's temporary file, which it
                # took for a dead writer's.
                if not file.exists():
                    raise
        # Compared in full, because the folder's name has only the first digits. Read from disk even if just written,
        # because another process may have been first.
        if self.identity != header["identity"]:
            raise StoreError(f"{self.path} holds another configuration's results; choose another folder")

    def spans(self) -> list[range]:
        """Return the members of each chunk, read from the names of the files, in order."""
        with store_errors(self.chunks):
            names = os.listdir(self.chunks) if self.chunks.is_dir() else []
        bounds = sorted((int(match[1]), int(match[2])) for match in map(_CHUNK.fullmatch, names) if match)
        return [range(first, last + 1) for first, last in bounds]

    def members(self) -> list[int]:
        """Return the members that the chunks hold, in order."""
        return sorted({member for span in self.spans() for member in span})

    def missing(self, members: Iterable[int]) -> list[int]:
        """Return the members that no chunk holds."""
        held = set(self.members())
        return [member for member in members if member not in held]

    def save(self, span: range, dataset: "xr.Dataset", provenance: Mapping[str, Any]) -> None:
        """Write the chunk of exactly these members, and beside it its provenance; errors as of `chunks.sealed`."""
        from sottovoce.runs.chunks import sealed

        self._write(span, sealed(span, dataset, self.identity), provenance)

    def accept(self, span: range, data: bytes, provenance: Mapping[str, Any]) -> None:
        """Write a chunk that another process has sealed, once it is checked; errors as of `chunks.opened`."""
        from sottovoce.runs.chunks import opened

        opened(data, span, self.identity)
        self._write(span, data, provenance)

    def holds(self, span: range) -> bool:
        """Return whether an intact chunk of exactly these members exists; a damaged one is set aside with a warning."""
        return self._intact(span, self.identity) is not None

    def load(self, members: Sequence[int]) -> "xr.Dataset":
        """Read members in the given order; a damaged chunk is set aside with a warning.

        Variables without the dimension `member` are the same in all chunks.

        Raises:
            IncompleteRunError: some members are not saved (or, after damage, no longer).
            StoreError: the folder cannot be read, or its chunks contradict one another.
        """
        import xarray as xr

        identity, wanted, parts = self.identity, list(members), []
        for span in self.spans():
            held = [member for member in wanted if member in span]
            if held and (chunk := self._intact(span, identity)) is not None:
                parts.append(chunk.sel(member=held))
                # Chunks may overlap: a member is taken from the first intact chunk that holds it.
                wanted = [member for member in wanted if member not in span]
        if wanted:
            raise IncompleteRunError(f"{self.path} lacks {len(wanted)} members, from {wanted[0]} on: run it again")
        # With these options, values that all members share must be equal in all chunks.
        equal: Any = {"data_vars": "minimal", "coords": "minimal", "compat": "equals", "join": "exact"}
        try:
            # The parts are in the order of the chunks; the order that was asked for is restored at the end.
            return xr.concat(parts, "member", combine_attrs="drop_conflicts", **equal).sel(member=list(members))
        except ValueError as error:
            reason = f"the chunks of {self.path} disagree about what all members share"
            raise StoreError(f"{reason}: {str(error).splitlines()[0]}; run it again with refresh") from error

    def read(self, span: range, identity: str) -> "xr.Dataset":
        """Read one chunk; a damaged one stays where it is, with an error as of `chunks.opened`."""
        from sottovoce.runs.chunks import opened

        return opened(self.file(span).read_bytes(), span, identity)

    def provenance(self) -> list[dict[str, Any]]:
        """Return the provenance of each chunk, in the order of members."""
        return [made for span in self.spans() if (made := self.provenance_of(span))]

    def provenance_of(self, span: range) -> dict[str, Any]:
        """Return the provenance of a chunk, empty where none was written; a StoreError where it is damaged."""
        file = self.file(span, ".json")
        try:
            return dict(json.loads(file.read_bytes())) if file.exists() else {}
        except (ValueError, TypeError) as error:
            raise StoreError(f"{file} does not say how its chunk was made: {error}") from error

    def forget(self, members: Sequence[int]) -> None:
        """Remove every chunk that holds one of the members."""
        with store_errors(self.chunks):
            # Whole chunks: the other members of a chunk are missing afterwards as well, and computed again.
            for span in self.spans():
                if any(member in span for member in members):
                    self.file(span).unlink(missing_ok=True)

    def remove_temporaries(self) -> None:
        """Remove the temporary files of killed writers; to be called only while no process writes chunks."""
        for file in (*self.path.glob(TEMPORARY), *self.chunks.glob(TEMPORARY)):
            file.unlink(missing_ok=True)

    def _write(self, span: range, data: bytes, provenance: Mapping[str, Any]) -> None:
        # The chunk is written last, so that a chunk that exists has its provenance.
        write_atomically(self.file(span, ".json"), json.dumps(dict(provenance), indent=2).encode() + b"\n")
        write_atomically(self.file(span), data)

    def _intact(self, span: range, identity: str) -> "xr.Dataset | None":
        from sottovoce.runs.chunks import DamagedChunkError

        file = self.file(span)
        with store_errors(file):
            try:
                return self.read(span, identity)
            except FileNotFoundError:
                return None
            except DamagedChunkError as error:
                # Under another suffix its members count as missing, and its bytes can still be examined.
                with suppress(FileNotFoundError):  # another process has set it aside first
                    os.replace(file, file.with_suffix(".damaged"))
                _log.warning("%s is damaged (%s); set aside as %s.damaged", file, error, file.stem)
                return None
