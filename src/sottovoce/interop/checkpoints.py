"""Named arrays out of the user's files; nothing that could run code is ever read."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Num

from sottovoce.errors import DataError, SottovoceError, UsageError, not_among

TORCH_SUFFIXES = (".pt", ".pth")
SUFFIXES = (".npz", ".npy", ".safetensors", *TORCH_SUFFIXES)
ORIENTATIONS = ("input_output", "output_input")

Arrays = dict[str, Num[np.ndarray, "..."]]


def orientation_of(path: Path, orientation: str | None = None) -> str:
    """Return how the matrices of a file are kept.

    Args:
        path: the file.
        orientation: what the user says of it; None: "output_input" in .pt and .pth files, since PyTorch keeps its
            layers so, "input_output" in all others.

    Returns:
        One of `ORIENTATIONS`.

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
        path: an .npz, .npy, .safetensors, .pt or .pth file; the last two with a tensor, a state dict, or a dict that
            holds one as "state_dict" or "model_state_dict".
        orientation: of its matrices, as for `orientation_of`.

    Returns:
        Arrays by name, in the file's order (that of .safetensors files, which keep none: by name, numbers by value);
        matrices `(input, output)`.

    Raises:
        UsageError: the file's kind or the orientation is not among those known.
        DataError: the file is missing, damaged, or holds objects instead of numbers.
        SottovoceError: the file is PyTorch's, which is not installed.
    """
    path = Path(path)
    turned = orientation_of(path, orientation) == "output_input"
    arrays = _arrays(path)
    return {name: array.T if turned and array.ndim == 2 else array for name, array in arrays.items()}


def weight_matrices(path: Path, layer: str | None = None, orientation: str | None = None) -> Arrays:
    """Read the weight matrices of a checkpoint.

    Args:
        path: as for `read`.
        layer: name of one array; None takes every two-dimensional array.
        orientation: as for `orientation_of`.

    Returns:
        Matrices `(input, output)` by name.

    Raises:
        UsageError: the file's kind, the layer or the orientation is not among those known.
        DataError: the file is missing, damaged, holds objects instead of numbers, or holds no matrix.
        SottovoceError: the file is PyTorch's, which is not installed.
    """
    arrays = read(path, orientation)
    if layer is not None:
        if layer not in arrays:
            raise not_among("layer", layer, arrays)
        if arrays[layer].ndim != 2:
            raise UsageError(f"layer {layer!r} has shape {arrays[layer].shape}; allowed: a matrix")
        arrays = {layer: arrays[layer]}
    found = {name: array for name, array in arrays.items() if array.ndim == 2}
    if not found:
        raise DataError(f"{path} holds no matrix; it holds {', '.join(arrays) or 'nothing'}")
    return found


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
            import ml_dtypes  # noqa: F401 - with it NumPy knows bfloat16
            from safetensors.numpy import load_file

            return _by_name(load_file(path))
        # Arrays of objects are pickles, which could run code: refused, whatever they hold.
        loaded = np.load(path, allow_pickle=False)
        return {path.stem: loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
    except SottovoceError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__} {error}".splitlines()[0].strip()
        raise DataError(f"{path} cannot be read as {path.suffix}: {reason}") from error


def _by_name(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """Return arrays sorted by name, numbers within names by value, so that layer 10 comes after layer 2."""
    return {name: arrays[name] for name in sorted(arrays, key=_parts)}


def _parts(name: str) -> list[tuple[int, int, str]]:
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name)]
