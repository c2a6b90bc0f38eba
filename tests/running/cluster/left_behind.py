"""What workers leave: chunks in a store, and a list of what they computed."""

from pathlib import Path

from sottovoce.runs.chunks import checksum, decode
from sottovoce.runs.store import RunFolder


def chunks(folder: RunFolder) -> dict[str, tuple[str, dict]]:
    """Return checksum of all values and attributes by name of chunk.

    Not the files' bytes: where a profiler samples threads, as in dask's workers, HDF5 may lay the same
    values out otherwise.
    """
    read = {file.name: decode(file.read_bytes()) for file in folder.chunks.glob("*.h5")}
    return {name: (checksum(chunk), chunk.attrs) for name, chunk in read.items()}


def computed(folder: Path) -> list[int]:
    file = folder / "computed"
    return sorted(map(int, file.read_text().split())) if file.exists() else []
