"""Reading named arrays from the user's files, without ever running code that a file may contain."""

import re
from pathlib import Path

import numpy as np
from jaxtyping import Num

from sottovoce.errors import DataError, SottovoceError, UsageError, not_among

TORCH_SUFFIXES = (".pt", ".pth")
SUFFIXES = (".npz", ".npy", ".safetensors", *TORCH_SUFFIXES)
ORIENTATIONS = ("input_output", "output_input")

Arrays = dict[str, Num[np.ndarray, "..."]]


def orientation_of(path: Path, orientation: str | None = None) -> str:
    """Return the orientation of the matrices in a file, one of `ORIENTATIONS`.

    Unless the user gives one, it is "output_input" for .pt and .pth files, because PyTorch stores its layers so, and
    "input_output" for all others.

    Raises:
        UsageError: the orientation is unknown.
    """
    if orientation is None:
        return "output_input" if Path(path).suffix in TORCH_SUFFIXES else "input_output"
    if orientation not in ORIENTATIONS:
        raise not_among("orientation", orientation, ORIENTATIONS)
    return orientation


def read(path: Path, orientation: str | None = None) -> Arrays:
    """Read all arrays of a checkpoint.

    Args:
        path: an .npz, .npy, .safetensors, .pt or .pth file. A .pt or .pth file contains a tensor, a state dict, or a
            dict that has a state dict under "state_dict" or "model_state_dict".
        orientation: orientation of the matrices, as for `orientation_of`.

    Returns:
        Arrays by name, in the order of the file; matrices `(input, output)`. A .safetensors file has no order, so its
        arrays are sorted by name, with numbers in names compared by value.

    Raises:
        UsageError: the kind of the file or the orientation is unknown.
        DataError: the file is missing or damaged, or contains objects instead of numbers.
        SottovoceError: the file is a PyTorch file and PyTorch is not installed.
    """
    transposed = orientation_of(path, orientation) == "output_input"
    arrays = _arrays(Path(path))
    return {name: array.T if transposed and array.ndim == 2 else array for name, array in arrays.items()}


def weight_matrices(path: Path, layer: str | None = None, orientation: str | None = None) -> Arrays:
    """Read the two-dimensional arrays of a checkpoint, or one of them, as matrices `(input, output)` by name.

    Path, orientation and errors are those of `read`.

    Raises:
        UsageError: there is no such layer, or it is no matrix.
        DataError: the file contains no matrix.
    """
    arrays = read(path, orientation)
    if layer is not None:
        if layer not in arrays:
            raise not_among("layer", layer, arrays)
        if arrays[layer].ndim != 2:
            raise UsageError(f"layer {layer!r} has shape {arrays[layer].shape}; allowed: a matrix")
        arrays = {layer: arrays[layer]}
    matrices = {name: array for name, array in arrays.items() if array.ndim == 2}
    if not matrices:
        raise DataError(f"{path} holds no matrix; it holds {', '.join(arrays) or 'nothing'}")
    return matrices


def _arrays(path: Path) -> Arrays:
    if path.suffix not in SUFFIXES:
        raise UsageError(f"{path} is no file this reads; allowed: {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise DataError(f"{path} is not there")
    try:
        if path.suffix in TORCH_SUFFIXES:
            from sottovoce.interop import torch_files

            return torch_files.load_arrays(path)
        if path.suffix == ".safetensors":
            import ml_dtypes  # noqa: F401 - importing it registers bfloat16 with NumPy
            from safetensors.numpy import load_file

            arrays = load_file(path)
            return {name: arrays[name] for name in sorted(arrays, key=_parts)}
        # Arrays of objects are stored as pickles, which can run code, so they are refused whatever they contain.
        loaded = np.load(path, allow_pickle=False)
        return {path.stem: loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
    except SottovoceError:
        raise
    # The libraries raise errors of many types for damaged files; the user needs the file and the reason only.
    except Exception as error:
        reason = f"{type(error).__name__} {error}".splitlines()[0].strip()
        raise DataError(f"{path} cannot be read as {path.suffix}: {reason}") from error


def _parts(name: str) -> list[tuple[int, int, str]]:
    """Return a key that compares numbers in names by value: layer 10 comes after layer 2."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name)]
