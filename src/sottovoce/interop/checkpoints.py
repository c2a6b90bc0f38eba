"""Weight matrices out of the user's files; nothing that could run code is ever read."""

from pathlib import Path

import numpy as np
from jaxtyping import Num

from sottovoce.errors import DataError, UsageError, not_among

SUFFIXES = (".npz", ".npy", ".safetensors")
ORIENTATIONS = ("input_output", "output_input")


def weight_matrices(path: Path, layer: str | None = None, orientation: str = "input_output") -> dict[str, np.ndarray]:
    """Read the weight matrices of a checkpoint.

    Args:
        path: an .npz, .npy or .safetensors file.
        layer: name of one array; None takes every two-dimensional array.
        orientation: "input_output" as this package keeps weights, `x @ W`; "output_input" as PyTorch does, which is
            turned round.

    Returns:
        Matrices `(input, output)` by name.

    Raises:
        UsageError: the file's kind, the layer or the orientation is not among those known.
        DataError: the file is missing, damaged, holds objects instead of numbers, or holds no matrix.
    """
    if orientation not in ORIENTATIONS:
        raise not_among("orientation", orientation, ORIENTATIONS)
    arrays = _arrays(Path(path))
    if layer is not None:
        if layer not in arrays:
            raise not_among("layer", layer, arrays)
        if arrays[layer].ndim != 2:
            raise UsageError(f"layer {layer!r} has shape {arrays[layer].shape}; allowed: a matrix")
        arrays = {layer: arrays[layer]}
    found = {name: array for name, array in arrays.items() if array.ndim == 2}
    if not found:
        raise DataError(f"{path} holds no matrix; it holds {', '.join(arrays) or 'nothing'}")
    return {name: array.T if orientation == "output_input" else array for name, array in found.items()}


def _arrays(path: Path) -> dict[str, Num[np.ndarray, "..."]]:
    if path.suffix not in SUFFIXES:
        raise UsageError(f"{path} is no file this reads; allowed: {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise DataError(f"{path} is not there")
    try:
        if path.suffix == ".safetensors":
            from safetensors.numpy import load_file

            return load_file(path)
        # Arrays of objects are pickles, which could run code: refused, whatever they hold.
        loaded = np.load(path, allow_pickle=False)
        return {path.stem: loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
    except Exception as error:
        raise DataError(f"{path} cannot be read as {path.suffix}: {str(error).splitlines()[0]}") from error
