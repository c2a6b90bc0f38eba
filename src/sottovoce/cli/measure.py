"""The commands `sottovoce measure ...`: the laboratory's measurements on the user's own files."""

from collections.abc import Iterable
from itertools import product
from json import dumps as to_json
from pathlib import Path
from typing import Annotated, Any

import tyro

import sottovoce as sv


def directions(
    file: Annotated[Path, tyro.conf.Positional],
    layer: str | None = None,
    null: str = "normal",
    orientation: str | None = None,
    json: bool = False,
) -> None:
    """Count the directions that stand above noise in the weight matrices of a checkpoint.

    Args:
        file: an .npz, .npy, .safetensors, .pt or .pth file.
        layer: name of one matrix; unset: every matrix.
        null: normal or uniform initialization; shuffle or signflip for updates.
        orientation: input_output (x @ W) or output_input (PyTorch's); unset: output_input for .pt and .pth files only.
        json: print one JSON object.
    """
    matrices = sv.interop.checkpoints.weight_matrices(file, layer, orientation)
    counts = {name: sv.measure.counting.count(matrix, null) for name, matrix in matrices.items()}
    # Printed with every result: a file read in the wrong orientation gives plausible but wrong numbers.
    read_as = sv.interop.checkpoints.orientation_of(file, orientation)
    # The counts of a single matrix also stand at the top level, where a script finds them without its name.
    only = {"counts": next(iter(counts.values()))} if len(counts) == 1 else {}
    lines = (f"{name}: " + ", ".join(f"{rule} {n}" for rule, n in rules.items()) for name, rules in counts.items())
    drawn = sv.measure.counting.drawn_levels(null)
    found = {**only, "null": null, "orientation": read_as, "drawn_levels": drawn, "layers": counts}
    show(found, [f"matrices of {file} read as {read_as}", *lines, drawn], as_json=json)


def spectrum(
    file: Annotated[Path, tyro.conf.Positional],
    layer: str | None = None,
    orientation: str | None = None,
    json: bool = False,
) -> None:
    """Print the spectra of the weight matrices of a checkpoint, centered over output neurons.

    Args:
        file: an .npz, .npy, .safetensors, .pt or .pth file.
        layer: name of one matrix; unset: every matrix.
        orientation: input_output (x @ W) or output_input (PyTorch's); unset: output_input for .pt and .pth files only.
        json: print one JSON object.
    """
    matrices = sv.interop.checkpoints.weight_matrices(file, layer, orientation)
    layers = {name: sv.measure.spectra.describe(matrix) for name, matrix in matrices.items()}
    read_as = sv.interop.checkpoints.orientation_of(file, orientation)
    lines = [f"matrices of {file} read as {read_as}"]
    for name, found in layers.items():
        first = " ".join(f"{ratio:.4f}" for ratio in found["explained_variance_ratio"][:10])
        lines.append(f"{name}: explained-variance ratios {first} ...; participation {found['participation_ratio']:.1f}")
    show({"orientation": read_as, "layers": layers}, lines, as_json=json)


def subspaces(
    files: Annotated[tuple[Path, ...], tyro.conf.Positional],
    layer: str | None = None,
    rank: int = 3,
    orientation: str | None = None,
    json: bool = False,
) -> None:
    """Compare the strongest directions of checkpoints, with what random subspaces give beside every overlap.

    Args:
        files: reference, teacher and student, whose updates are compared; or two checkpoints, whose weights are
            compared. Each is an .npz, .npy, .safetensors, .pt or .pth file.
        layer: name of one matrix; unset: every matrix.
        rank: how many directions of each matrix are compared; all of them where a matrix has fewer.
        orientation: input_output (x @ W) or output_input (PyTorch's); unset: output_input for .pt and .pth files only.
        json: print one JSON object.
    """
    found = sv.measure.comparison.compare_subspaces(
        [sv.interop.checkpoints.weight_matrices(f, layer, orientation) for f in files], rank
    )
    # Each file by itself, because formats with different conventions can be compared.
    orientations = [sv.interop.checkpoints.orientation_of(file, orientation) for file in files]
    lines = [f"matrices of {', '.join(map(str, files))} read as {', '.join(orientations)}"]
    for (name, matrix), side in product(found.items(), ("output", "input")):
        at = matrix[side]
        angles = " ".join(f"{angle:.1f}" for angle in at["principal_angles"])
        lines.append(
            f"{name}, {side} side, {matrix['rank']} directions of {matrix['compared']}: "
            f"overlap {at['overlap']:.4f} (random {at['random']:.4f}, 95 % of them below {at['random_high']:.4f}; "
            f"shuffled {at['shuffled']:.4f}), angles {angles}"
        )
    show({"orientation": orientations, "layers": found}, lines, as_json=json)


def cka(
    first: Annotated[Path, tyro.conf.Positional],
    second: Annotated[Path, tyro.conf.Positional],
    layer: str | None = None,
    json: bool = False,
) -> None:
    """Compare two files of features, samples by features, by linear centered kernel alignment.

    Args:
        first: an .npz, .npy, .safetensors, .pt or .pth file.
        second: the same samples in the same order, features of another network.
        layer: name of one matrix; unset: every matrix, paired by name.
        json: print one JSON object.
    """
    # Samples are rows in files of every format, so no matrix is transposed.
    features = (sv.interop.checkpoints.weight_matrices(file, layer, "input_output") for file in (first, second))
    found = sv.measure.comparison.compare_features(*features)
    lines = [
        f"{name}: debiased CKA {at['debiased']:.4f} (0 for shuffled samples); plain {at['plain']:.4f} "
        f"({at['plain_shuffled']:.4f} for shuffled samples)"
        for name, at in found.items()
    ]
    show({"layers": found}, lines, as_json=json)


def show(found: dict[str, Any], lines: Iterable[str], *, as_json: bool) -> None:
    """Print what a command found as one JSON object or as lines."""
    print(to_json(found) if as_json else "\n".join(lines))
