"""Reading PyTorch files and state dicts as arrays, without running code that a file may contain."""

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Num

from sottovoce.errors import DataError, SottovoceError

try:
    import torch  # pyright: ignore[reportMissingImports] - an extra
except ModuleNotFoundError as error:
    raise SottovoceError("PyTorch is not installed; it comes with: pip install 'sottovoce[torch]'") from error

# In older versions a malicious file can run code in spite of weights_only (CVE-2025-32434).
OLDEST = (2, 6)
NESTED = ("state_dict", "model_state_dict")

Arrays = dict[str, Num[np.ndarray, "..."]]


def load_arrays(path: Path) -> Arrays:
    """Read the tensors of a file that `torch.save` wrote, without running code from the file.

    The file holds a tensor, which is named after it, a state dict, or a dict that has one under a key of `NESTED`.
    Arrays are as PyTorch stores them, matrices `(output, input)`, but floats of fewer than 32 bits become float32.
    Values other than tensors, such as the number of the epoch, are left out.

    Raises:
        DataError: the file contains more than tensors and plain values, or no tensor.
        SottovoceError: the installed PyTorch is too old to prevent a file from running code.
    """
    if tuple(map(int, torch.__version__.split(".")[:2])) < OLDEST:
        raise SottovoceError(
            f"torch is {torch.__version__}; allowed: 2.6 or newer, for in older ones a file can run code"
        )
    try:
        with warnings.catch_warnings(action="ignore"):
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # PyTorch's own message is replaced, because it goes on to explain how to load the file by running its code.
        if not str(error).startswith("Weights only load failed"):
            raise
        named = re.search(r"GLOBAL (\S+)", str(error))
        what = f"asks for {named.group(1)}" if named else "holds more than tensors and plain values"
        raise DataError(
            f"{path} {what}, and reading that could run code; allowed: weights alone, as "
            "torch.save(module.state_dict(), path) leaves them"
        ) from error
    if isinstance(loaded, torch.Tensor):
        return {path.stem: as_array(loaded)}
    nested = [loaded[name] for name in NESTED if name in loaded] if isinstance(loaded, Mapping) else []
    state = nested[0] if nested else loaded
    arrays = state_arrays(state) if isinstance(state, Mapping) else {}
    if not arrays:
        held = ", ".join(map(str, state)) if isinstance(state, Mapping) else f"a {type(state).__name__}"
        raise DataError(
            f"{path} holds {held or 'nothing'}; allowed: a tensor, a state dict, or a dict with one as "
            f"{' or '.join(NESTED)}"
        )
    return arrays


def state_arrays(state: Mapping[str, Any]) -> Arrays:
    """Return the tensors of a state dict as arrays in PyTorch's orientation; floats below 32 bits become float32."""
    return {name: as_array(value) for name, value in state.items() if isinstance(value, torch.Tensor)}


def as_array(tensor: torch.Tensor) -> Num[np.ndarray, "..."]:
    """Return a tensor as an array, without a copy where possible; floats of fewer than 32 bits become float32."""
    tensor = tensor.detach().cpu()
    # NumPy has no bfloat16 or 8-bit floats.
    short = tensor.is_floating_point() and tensor.dtype not in {torch.float32, torch.float64}
    return (tensor.float() if short else tensor).numpy()
