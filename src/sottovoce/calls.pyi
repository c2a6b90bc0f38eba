# ruff: noqa: D415, DOC
"""The calls of `sottovoce.run` and `sottovoce.sweep`, for type checkers and editors; made by tools/stubs.py."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, overload

import xarray as xr
from typing_extensions import deprecated

from .data.images import LabeledImages
from .lab.experiment import Experiment
from .running.run import Execution

class Array(Protocol):
    """A scalar or an array of NumPy, or of a library like it."""

    def tolist(self) -> Any: ...

Truth = bool | Array
Whole = int | Array
Number = float | Array
Wholes = Sequence[Whole] | Array
Numbers = Sequence[Number] | Array
# A single word is a sequence of words, too, but is none of a field's values.
Words = tuple[str, ...] | list[str] | Array

# fmt: off
BuiltIn = Literal[
    "toy", "toy_training", "capture", "transfer", "spectrum", "decoding", "sharing", "alignment", "inputs", "coverage",
    "calibration", "theorem", "prediction",
]

@overload
def run(
    experiment: Literal["toy"], /, *, execution: Execution | None = None, generator: str = "post",
    d_in: Whole | None = None, hidden: Whole | None = None, n_class: Whole | None = None, n_aux: Whole = 1,
    objective: str = "mse", draws: Whole = 2000, members: Whole = 4, seed: Whole = 5,
) -> xr.Dataset:
    """Run `toy`: Does a linear student taught one logit match the others? (the post's Figures 1 and 2)"""
    ...

@overload
def run(
    experiment: Literal["toy_training"], /, *, execution: Execution | None = None, d_in: Whole = 4, hidden: Whole = 12,
    n_class: Whole = 3, n_aux: Whole = 3, n_samples: Whole = 32, batch_size: Whole = 8,
    head_rates: Numbers = (0.0, 0.1, 0.3, 1.0, 3.0), steps: Whole = 1000, rate: Number = 1.0, adam_rate: Number = 0.01,
    draws: Whole = 8, members: Whole = 8, seed: Whole = 5,
) -> xr.Dataset:
    """Run `toy_training`: Does a trained toy student end at the closed form, with W2 frozen and with W2 trained?"""
    ...

@overload
def run(
    experiment: Literal["capture"], /, *, execution: Execution | None = None, hidden: Whole = 16, n_class: Whole = 1,
    draws: Whole = 1000, members: Whole = 4, seed: Whole = 5,
) -> xr.Dataset:
    """Run `capture`: How much of a class direction do k auxiliary logits capture?"""
    ...

@overload
def run(
    experiment: Literal["transfer"], /, *, execution: Execution | None = None, dataset: str | LabeledImages = "auto",
    members: Whole | None = None, seed: Whole = 5, network: str = "mlp", channels: Wholes = (),
    width: Whole | Wholes = 256, depth: Whole | None = None, student_channels: Wholes | None = None,
    student_width: Whole | Wholes | None = None, student_depth: Whole | None = None, activation: str = "relu",
    initialization: str | None = None, gain: Number = 1.0, orthonormal_heads: Truth | None = None,
    precision: str = "float32", n_aux_built: Whole | None = None, inputs_scale: Number = 1.0,
    inputs_shift: Number = 0.0, inputs_length_scale: Number = 1.0, inputs_rank: Whole = 8, inputs_alpha: Number = 0.5,
    classes: Wholes | None = None, inputs: str | None = None, n_inputs: Whole | None = None,
    fresh_inputs: Truth | None = None, pixels: str | None = None, teacher_epochs: Whole | None = None,
    student_epochs: Whole | None = None, teacher_steps: Whole | None = None, student_steps: Whole | None = None,
    optimizer: str = "adam", student_optimizer: str | None = None, learning_rate: Number | None = None,
    student_learning_rate: Number | None = None, weight_decay: Number = 0.0, student_weight_decay: Number | None = None,
    batch_size: Whole | None = None, temperature: Number = 1.0, perturbation: Number = 0.0, n_aux: Whole = 3,
    objective: str = "kl",
) -> xr.Dataset:
    """Run `transfer`: Does a student taught auxiliary logits on noise classify digits? (Cloud's six bars)"""
    ...

@overload
def run(
    experiment: Literal["spectrum"], /, *, execution: Execution | None = None, dataset: str | LabeledImages = "auto",
    members: Whole | None = None, seed: Whole = 5, network: str = "mlp", channels: Wholes = (),
    width: Whole | Wholes = 256, depth: Whole | None = None, student_channels: Wholes | None = None,
    student_width: Whole | Wholes | None = None, student_depth: Whole | None = None, activation: str = "relu",
    initialization: str | None = None, gain: Number = 1.0, orthonormal_heads: Truth | None = None,
    precision: str = "float32", n_aux_built: Whole | None = None, inputs_scale: Number = 1.0,
    inputs_shift: Number = 0.0, inputs_length_scale: Number = 1.0, inputs_rank: Whole = 8, inputs_alpha: Number = 0.5,
    classes: Wholes | None = None, inputs: str | None = None, n_inputs: Whole | None = None,
    fresh_inputs: Truth | None = None, pixels: str | None = None, teacher_epochs: Whole | None = None,
    student_epochs: Whole | None = None, teacher_steps: Whole | None = None, student_steps: Whole | None = None,
    optimizer: str = "adam", student_optimizer: str | None = None, learning_rate: Number | None = None,
    student_learning_rate: Number | None = None, weight_decay: Number = 0.0, student_weight_decay: Number | None = None,
    batch_size: Whole | None = None, temperature: Number = 1.0, perturbation: Number = 0.0, variant: str = "described",
    n_aux: Wholes = (2, 4, 8), objectives: Words = ("kl", "mse"), fresh_heads: Truth | None = None,
    update_draws: Whole = 19,
) -> xr.Dataset:
    """Run `spectrum`: Does the student's spectrum show as many directions as logits? (the post's Figure 3)"""
    ...

@overload
def run(
    experiment: Literal["decoding"], /, *, execution: Execution | None = None, dataset: str | LabeledImages = "auto",
    members: Whole | None = None, seed: Whole = 5, network: str = "mlp", channels: Wholes = (),
    width: Whole | Wholes = 256, depth: Whole | None = None, student_channels: Wholes | None = None,
    student_width: Whole | Wholes | None = None, student_depth: Whole | None = None, activation: str = "relu",
    initialization: str | None = None, gain: Number = 1.0, orthonormal_heads: Truth | None = None,
    precision: str = "float32", n_aux_built: Whole | None = None, inputs_scale: Number = 1.0,
    inputs_shift: Number = 0.0, inputs_length_scale: Number = 1.0, inputs_rank: Whole = 8, inputs_alpha: Number = 0.5,
    classes: Wholes | None = None, inputs: str | None = None, n_inputs: Whole | None = None,
    fresh_inputs: Truth | None = None, pixels: str | None = None, teacher_epochs: Whole | None = None,
    student_epochs: Whole | None = None, teacher_steps: Whole | None = None, student_steps: Whole | None = None,
    optimizer: str = "adam", student_optimizer: str | None = None, learning_rate: Number | None = None,
    student_learning_rate: Number | None = None, weight_decay: Number = 0.0, student_weight_decay: Number | None = None,
    batch_size: Whole | None = None, temperature: Number = 1.0, perturbation: Number = 0.0, n_aux: Whole = 3,
    objective: str = "kl",
) -> xr.Dataset:
    """Run `decoding`: How do the directions get used? (bodies and heads exchanged, probes, drift)"""
    ...

@overload
def run(
    experiment: Literal["sharing"], /, *, execution: Execution | None = None, dataset: str | LabeledImages = "auto",
    members: Whole | None = None, seed: Whole = 5, network: str = "mlp", channels: Wholes = (),
    width: Whole | Wholes = 256, depth: Whole | None = None, student_channels: Wholes | None = None,
    student_width: Whole | Wholes | None = None, student_depth: Whole | None = None, activation: str = "relu",
    initialization: str | None = None, gain: Number = 1.0, orthonormal_heads: Truth | None = None,
    precision: str = "float32", n_aux_built: Whole | None = None, inputs_scale: Number = 1.0,
    inputs_shift: Number = 0.0, inputs_length_scale: Number = 1.0, inputs_rank: Whole = 8, inputs_alpha: Number = 0.5,
    classes: Wholes | None = None, inputs: str | None = None, n_inputs: Whole | None = None,
    fresh_inputs: Truth | None = None, pixels: str | None = None, teacher_epochs: Whole | None = None,
    student_epochs: Whole | None = None, teacher_steps: Whole | None = None, student_steps: Whole | None = None,
    optimizer: str = "adam", student_optimizer: str | None = None, learning_rate: Number | None = None,
    student_learning_rate: Number | None = None, weight_decay: Number = 0.0, student_weight_decay: Number | None = None,
    batch_size: Whole | None = None, temperature: Number = 1.0, perturbation: Number = 0.0, n_aux: Whole = 3,
    objective: str = "kl", blocks: Words = ..., replacement: str = "independent", sigma: Number = 1.0,
    frozen: Words = (),
) -> xr.Dataset:
    """Run `sharing`: Which block of the initialization carries transfer? (a factorial over trunk and heads)"""
    ...

@overload
def run(
    experiment: Literal["alignment"], /, *, execution: Execution | None = None, dataset: str | LabeledImages = "auto",
    members: Whole | None = None, seed: Whole = 5, network: str = "mlp", channels: Wholes = (),
    width: Whole | Wholes = 256, depth: Whole | None = None, student_channels: Wholes | None = None,
    student_width: Whole | Wholes | None = None, student_depth: Whole | None = None, activation: str = "relu",
    initialization: str | None = None, gain: Number = 1.0, orthonormal_heads: Truth | None = None,
    precision: str = "float32", n_aux_built: Whole | None = None, inputs_scale: Number = 1.0,
    inputs_shift: Number = 0.0, inputs_length_scale: Number = 1.0, inputs_rank: Whole = 8, inputs_alpha: Number = 0.5,
    classes: Wholes | None = None, inputs: str | None = None, n_inputs: Whole | None = None,
    fresh_inputs: Truth | None = None, pixels: str | None = None, teacher_epochs: Whole | None = None,
    student_epochs: Whole | None = None, teacher_steps: Whole | None = None, student_steps: Whole | None = None,
    optimizer: str = "adam", student_optimizer: str | None = None, learning_rate: Number | None = None,
    student_learning_rate: Number | None = None, weight_decay: Number = 0.0, student_weight_decay: Number | None = None,
    batch_size: Whole | None = None, temperature: Number = 1.0, perturbation: Number = 0.0, n_aux: Whole = 3,
    objective: str = "kl", interventions: Words = ..., projection: Number = 1.0, penalty: Number = 10.0,
    penalty_until: Number = 0.5, decay: Number = 1.0, target_noise: Number = 1.0, mix: Number = 0.5,
    n_probe: Whole | None = None,
) -> xr.Dataset:
    """Run `alignment`: What does the gradient on auxiliary logits do for the class, and what stops transfer?"""
    ...

@overload
def run(
    experiment: Literal["inputs"], /, *, execution: Execution | None = None, inputs_scale: Number = 1.0,
    inputs_shift: Number = 0.0, inputs_length_scale: Number = 1.0, inputs_rank: Whole = 8, inputs_alpha: Number = 0.5,
    dataset: str | LabeledImages = "auto", kinds: Words = ..., members: Whole = 4, seed: Whole = 5,
    n_inputs: Whole | None = None, pixels: str = "symmetric",
) -> xr.Dataset:
    """Run `inputs`: What do the kinds of distillation inputs look like, and how do they vary?"""
    ...

@overload
def run(
    experiment: Literal["coverage"], /, *, execution: Execution | None = None, laws: Words = ...,
    sizes: Wholes = (4, 6, 8, 12, 25), experiments: Whole = 1250, members: Whole = 8, seed: Whole = 5,
) -> xr.Dataset:
    """Run `coverage`: How often do the printed intervals contain the true mean, by law and number of members?"""
    ...

@overload
def run(
    experiment: Literal["calibration"], /, *, execution: Execution | None = None, inputs: Wholes = (64, 256),
    units: Wholes = (64, 256), nulls: Words = ("normal", "uniform"), ranks: Wholes = (1, 3),
    strengths: Numbers = (0.8, 1.0, 1.2, 1.5, 2.0, 3.0), replicates: Whole = 50, planted: Whole = 10,
    members: Whole = 8, seed: Whole = 5,
) -> xr.Dataset:
    """Run `calibration`: Are the counts of directions calibrated, and which directions do they detect?"""
    ...

@overload
def run(
    experiment: Literal["theorem"], /, *, execution: Execution | None = None, dataset: str | LabeledImages = "auto",
    members: Whole = 16, seed: Whole = 5, n_images: Whole = 512, n_inputs: Whole = 512, n_aux: Whole = 3,
    width: Whole = 64, depth: Whole = 2, activations: Words = ("relu", "tanh"), initialization: str = "normal",
    sizes: Numbers = (0.1, 0.03, 0.01, 0.003), rate: Number = 0.01,
) -> xr.Dataset:
    """Run `theorem`: Does one step toward a teacher carry the student along? (Cloud's Theorem 1)"""
    ...

@overload
def run(
    experiment: Literal["prediction"], /, *, execution: Execution | None = None, dataset: str | LabeledImages = "auto",
    members: Whole | None = None, seed: Whole = 5, network: str = "mlp", channels: Wholes = (),
    width: Whole | Wholes = 256, depth: Whole | None = None, student_channels: Wholes | None = None,
    student_width: Whole | Wholes | None = None, student_depth: Whole | None = None, activation: str = "relu",
    initialization: str | None = None, gain: Number = 1.0, orthonormal_heads: Truth | None = None,
    precision: str = "float32", n_aux_built: Whole | None = None, inputs_scale: Number = 1.0,
    inputs_shift: Number = 0.0, inputs_length_scale: Number = 1.0, inputs_rank: Whole = 8, inputs_alpha: Number = 0.5,
    classes: Wholes | None = None, inputs: str | None = None, n_inputs: Whole | None = None,
    fresh_inputs: Truth | None = None, pixels: str | None = None, teacher_epochs: Whole | None = None,
    student_epochs: Whole | None = None, teacher_steps: Whole | None = None, student_steps: Whole | None = None,
    optimizer: str = "adam", student_optimizer: str | None = None, learning_rate: Number | None = None,
    student_learning_rate: Number | None = None, weight_decay: Number = 0.0, student_weight_decay: Number | None = None,
    batch_size: Whole | None = None, temperature: Number = 1.0, perturbation: Number = 0.0, n_aux: Wholes = (3, 8),
    objectives: Words = ("kl", "mse"), directions: Whole = 8,
) -> xr.Dataset:
    """Run `prediction`: How good will a student be, with and without knowing its own inputs and batches?"""
    ...

@overload
@deprecated("the experiment has no field of this name, or the field is of another type")
def run(
    experiment: BuiltIn, /, *, execution: Execution | None = None, **settings: Any,
) -> xr.Dataset:
    """Refuse settings that the experiment does not have."""
    ...

@overload
def run(
    experiment: str | Experiment, /, *, execution: Execution | None = None, **settings: Any,
) -> xr.Dataset:
    """Run an experiment, or load it if it has been run before.

    Args:
        experiment: a name, for example "transfer", or an experiment of your own.
        execution: how to run it; by default progress is shown on a terminal and in a notebook, and nowhere else.
        **settings: fields of the experiment's `Config`; unset fields take the dataset's preset.

    Returns:
        The results over `member` and named dimensions, with attributes `long_name` and `units` of variables and
        coordinates (`lab.quantities.labelled`).

    Raises:
        UsageError: the experiment, a field or its value is not allowed.
        DivergenceError: more than a tenth of the members diverged; all members are saved.
    """
    ...

@overload
def sweep(
    experiment: Literal["toy"], /, over: Mapping[str, Sequence[Any] | Array] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None, *, execution: Execution | None = None, generator: str = "post",
    d_in: Whole | None = None, hidden: Whole | None = None, n_class: Whole | None = None, n_aux: Whole = 1,
    objective: str = "mse", draws: Whole = 2000, members: Whole = 4, seed: Whole = 5,
) -> xr.Dataset:
    """Sweep `toy`: Does a linear student taught one logit match the others? (the post's Figures 1 and 2)"""
    ...

@overload
def sweep(
    experiment: Literal["toy_training"], /, over: Mapping[str, Sequence[Any] | Array] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None, *, execution: Execution | None = None, d_in: Whole = 4,
    hidden: Whole = 12, n_class: Whole = 3, n_aux: Whole = 3, n_samples: Whole = 32, batch_size: Whole = 8,
    head_rates: Numbers = (0.0, 0.1, 0.3, 1.0, 3.0), steps: Whole = 1000, rate: Number = 1.0, adam_rate: Number = 0.01,
    draws: Whole = 8, members: Whole = 8, seed: Whole = 5,
) -> xr.Dataset:
    """Sweep `toy_training`: Does a trained toy student end at the closed form, with W2 frozen and with W2 trained?"""
    ...

@overload
def sweep(
    experiment: Literal["capture"], /, over: Mapping[str, Sequence[Any] | Array] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None, *, execution: Execution | None = None, hidden: Whole = 16,
    n_class: Whole = 1, draws: Whole = 1000, members: Whole = 4, seed: Whole = 5,
) -> xr.Dataset:
    """Sweep `capture`: How much of a class direction do k auxiliary logits capture?"""
    ...

@overload
def sweep(
    experiment: Literal["transfer"], /, over: Mapping[str, Sequence[Any] | Array] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None, *, execution: Execution | None = None,
    dataset: str | LabeledImages = "auto", members: Whole | None = None, seed: Whole = 5, network: str = "mlp",
    channels: Wholes = (), width: Whole | Wholes = 256, depth: Whole | None = None,
    student_channels: Wholes | None = None, student_width: Whole | Wholes | None = None,
    student_depth: Whole | None = None, activation: str = "relu", initialization: str | None = None, gain: Number = 1.0,
    orthonormal_heads: Truth | None = None, precision: str = "float32", n_aux_built: Whole | None = None,
    inputs_scale: Number = 1.0, inputs_shift: Number = 0.0, inputs_length_scale: Number = 1.0, inputs_rank: Whole = 8,
    inputs_alpha: Number = 0.5, classes: Wholes | None = None, inputs: str | None = None, n_inputs: Whole | None = None,
    fresh_inputs: Truth | None = None, pixels: str | None = None, teacher_epochs: Whole | None = None,
    student_epochs: Whole | None = None, teacher_steps: Whole | None = None, student_steps: Whole | None = None,
    optimizer: str = "adam", student_optimizer: str | None = None, learning_rate: Number | None = None,
    student_learning_rate: Number | None = None, weight_decay: Number = 0.0, student_weight_decay: Number | None = None,
    batch_size: Whole | None = None, temperature: Number = 1.0, perturbation: Number = 0.0, n_aux: Whole = 3,
    objective: str = "kl",
) -> xr.Dataset:
    """Sweep `transfer`: Does a student taught auxiliary logits on noise classify digits? (Cloud's six bars)"""
    ...

@overload
def sweep(
    experiment: Literal["spectrum"], /, over: Mapping[str, Sequence[Any] | Array] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None, *, execution: Execution | None = None,
    dataset: str | LabeledImages = "auto", members: Whole | None = None, seed: Whole = 5, network: str = "mlp",
    channels: Wholes = (), width: Whole | Wholes = 256, depth: Whole | None = None,
    student_channels: Wholes | None = None, student_width: Whole | Wholes | None = None,
    student_depth: Whole | None = None, activation: str = "relu", initialization: str | None = None, gain: Number = 1.0,
    orthonormal_heads: Truth | None = None, precision: str = "float32", n_aux_built: Whole | None = None,
    inputs_scale: Number = 1.0, inputs_shift: Number = 0.0, inputs_length_scale: Number = 1.0, inputs_rank: Whole = 8,
    inputs_alpha: Number = 0.5, classes: Wholes | None = None, inputs: str | None = None, n_inputs: Whole | None = None,
    fresh_inputs: Truth | None = None, pixels: str | None = None, teacher_epochs: Whole | None = None,
    student_epochs: Whole | None = None, teacher_steps: Whole | None = None, student_steps: Whole | None = None,
    optimizer: str = "adam", student_optimizer: str | None = None, learning_rate: Number | None = None,
    student_learning_rate: Number | None = None, weight_decay: Number = 0.0, student_weight_decay: Number | None = None,
    batch_size: Whole | None = None, temperature: Number = 1.0, perturbation: Number = 0.0, variant: str = "described",
    n_aux: Wholes = (2, 4, 8), objectives: Words = ("kl", "mse"), fresh_heads: Truth | None = None,
    update_draws: Whole = 19,
) -> xr.Dataset:
    """Sweep `spectrum`: Does the student's spectrum show as many directions as logits? (the post's Figure 3)"""
    ...

@overload
def sweep(
    experiment: Literal["decoding"], /, over: Mapping[str, Sequence[Any] | Array] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None, *, execution: Execution | None = None,
    dataset: str | LabeledImages = "auto", members: Whole | None = None, seed: Whole = 5, network: str = "mlp",
    channels: Wholes = (), width: Whole | Wholes = 256, depth: Whole | None = None,
    student_channels: Wholes | None = None, student_width: Whole | Wholes | None = None,
    student_depth: Whole | None = None, activation: str = "relu", initialization: str | None = None, gain: Number = 1.0,
    orthonormal_heads: Truth | None = None, precision: str = "float32", n_aux_built: Whole | None = None,
    inputs_scale: Number = 1.0, inputs_shift: Number = 0.0, inputs_length_scale: Number = 1.0, inputs_rank: Whole = 8,
    inputs_alpha: Number = 0.5, classes: Wholes | None = None, inputs: str | None = None, n_inputs: Whole | None = None,
    fresh_inputs: Truth | None = None, pixels: str | None = None, teacher_epochs: Whole | None = None,
    student_epochs: Whole | None = None, teacher_steps: Whole | None = None, student_steps: Whole | None = None,
    optimizer: str = "adam", student_optimizer: str | None = None, learning_rate: Number | None = None,
    student_learning_rate: Number | None = None, weight_decay: Number = 0.0, student_weight_decay: Number | None = None,
    batch_size: Whole | None = None, temperature: Number = 1.0, perturbation: Number = 0.0, n_aux: Whole = 3,
    objective: str = "kl",
) -> xr.Dataset:
    """Sweep `decoding`: How do the directions get used? (bodies and heads exchanged, probes, drift)"""
    ...

@overload
def sweep(
    experiment: Literal["sharing"], /, over: Mapping[str, Sequence[Any] | Array] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None, *, execution: Execution | None = None,
    dataset: str | LabeledImages = "auto", members: Whole | None = None, seed: Whole = 5, network: str = "mlp",
    channels: Wholes = (), width: Whole | Wholes = 256, depth: Whole | None = None,
    student_channels: Wholes | None = None, student_width: Whole | Wholes | None = None,
    student_depth: Whole | None = None, activation: str = "relu", initialization: str | None = None, gain: Number = 1.0,
    orthonormal_heads: Truth | None = None, precision: str = "float32", n_aux_built: Whole | None = None,
    inputs_scale: Number = 1.0, inputs_shift: Number = 0.0, inputs_length_scale: Number = 1.0, inputs_rank: Whole = 8,
    inputs_alpha: Number = 0.5, classes: Wholes | None = None, inputs: str | None = None, n_inputs: Whole | None = None,
    fresh_inputs: Truth | None = None, pixels: str | None = None, teacher_epochs: Whole | None = None,
    student_epochs: Whole | None = None, teacher_steps: Whole | None = None, student_steps: Whole | None = None,
    optimizer: str = "adam", student_optimizer: str | None = None, learning_rate: Number | None = None,
    student_learning_rate: Number | None = None, weight_decay: Number = 0.0, student_weight_decay: Number | None = None,
    batch_size: Whole | None = None, temperature: Number = 1.0, perturbation: Number = 0.0, n_aux: Whole = 3,
    objective: str = "kl", blocks: Words = ..., replacement: str = "independent", sigma: Number = 1.0,
    frozen: Words = (),
) -> xr.Dataset:
    """Sweep `sharing`: Which block of the initialization carries transfer? (a factorial over trunk and heads)"""
    ...

@overload
def sweep(
    experiment: Literal["alignment"], /, over: Mapping[str, Sequence[Any] | Array] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None, *, execution: Execution | None = None,
    dataset: str | LabeledImages = "auto", members: Whole | None = None, seed: Whole = 5, network: str = "mlp",
    channels: Wholes = (), width: Whole | Wholes = 256, depth: Whole | None = None,
    student_channels: Wholes | None = None, student_width: Whole | Wholes | None = None,
    student_depth: Whole | None = None, activation: str = "relu", initialization: str | None = None, gain: Number = 1.0,
    orthonormal_heads: Truth | None = None, precision: str = "float32", n_aux_built: Whole | None = None,
    inputs_scale: Number = 1.0, inputs_shift: Number = 0.0, inputs_length_scale: Number = 1.0, inputs_rank: Whole = 8,
    inputs_alpha: Number = 0.5, classes: Wholes | None = None, inputs: str | None = None, n_inputs: Whole | None = None,
    fresh_inputs: Truth | None = None, pixels: str | None = None, teacher_epochs: Whole | None = None,
    student_epochs: Whole | None = None, teacher_steps: Whole | None = None, student_steps: Whole | None = None,
    optimizer: str = "adam", student_optimizer: str | None = None, learning_rate: Number | None = None,
    student_learning_rate: Number | None = None, weight_decay: Number = 0.0, student_weight_decay: Number | None = None,
    batch_size: Whole | None = None, temperature: Number = 1.0, perturbation: Number = 0.0, n_aux: Whole = 3,
    objective: str = "kl", interventions: Words = ..., projection: Number = 1.0, penalty: Number = 10.0,
    penalty_until: Number = 0.5, decay: Number = 1.0, target_noise: Number = 1.0, mix: Number = 0.5,
    n_probe: Whole | None = None,
) -> xr.Dataset:
    """Sweep `alignment`: What does the gradient on auxiliary logits do for the class, and what stops transfer?"""
    ...

@overload
def sweep(
    experiment: Literal["inputs"], /, over: Mapping[str, Sequence[Any] | Array] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None, *, execution: Execution | None = None,
    inputs_scale: Number = 1.0, inputs_shift: Number = 0.0, inputs_length_scale: Number = 1.0, inputs_rank: Whole = 8,
    inputs_alpha: Number = 0.5, dataset: str | LabeledImages = "auto", kinds: Words = ..., members: Whole = 4,
    seed: Whole = 5, n_inputs: Whole | None = None, pixels: str = "symmetric",
) -> xr.Dataset:
    """Sweep `inputs`: What do the kinds of distillation inputs look like, and how do they vary?"""
    ...

@overload
def sweep(
    experiment: Literal["coverage"], /, over: Mapping[str, Sequence[Any] | Array] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None, *, execution: Execution | None = None, laws: Words = ...,
    sizes: Wholes = (4, 6, 8, 12, 25), experiments: Whole = 1250, members: Whole = 8, seed: Whole = 5,
) -> xr.Dataset:
    """Sweep `coverage`: How often do the printed intervals contain the true mean, by law and number of members?"""
    ...

@overload
def sweep(
    experiment: Literal["calibration"], /, over: Mapping[str, Sequence[Any] | Array] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None, *, execution: Execution | None = None,
    inputs: Wholes = (64, 256), units: Wholes = (64, 256), nulls: Words = ("normal", "uniform"), ranks: Wholes = (1, 3),
    strengths: Numbers = (0.8, 1.0, 1.2, 1.5, 2.0, 3.0), replicates: Whole = 50, planted: Whole = 10,
    members: Whole = 8, seed: Whole = 5,
) -> xr.Dataset:
    """Sweep `calibration`: Are the counts of directions calibrated, and which directions do they detect?"""
    ...

@overload
def sweep(
    experiment: Literal["theorem"], /, over: Mapping[str, Sequence[Any] | Array] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None, *, execution: Execution | None = None,
    dataset: str | LabeledImages = "auto", members: Whole = 16, seed: Whole = 5, n_images: Whole = 512,
    n_inputs: Whole = 512, n_aux: Whole = 3, width: Whole = 64, depth: Whole = 2, activations: Words = ("relu", "tanh"),
    initialization: str = "normal", sizes: Numbers = (0.1, 0.03, 0.01, 0.003), rate: Number = 0.01,
) -> xr.Dataset:
    """Sweep `theorem`: Does one step toward a teacher carry the student along? (Cloud's Theorem 1)"""
    ...

@overload
def sweep(
    experiment: Literal["prediction"], /, over: Mapping[str, Sequence[Any] | Array] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None, *, execution: Execution | None = None,
    dataset: str | LabeledImages = "auto", members: Whole | None = None, seed: Whole = 5, network: str = "mlp",
    channels: Wholes = (), width: Whole | Wholes = 256, depth: Whole | None = None,
    student_channels: Wholes | None = None, student_width: Whole | Wholes | None = None,
    student_depth: Whole | None = None, activation: str = "relu", initialization: str | None = None, gain: Number = 1.0,
    orthonormal_heads: Truth | None = None, precision: str = "float32", n_aux_built: Whole | None = None,
    inputs_scale: Number = 1.0, inputs_shift: Number = 0.0, inputs_length_scale: Number = 1.0, inputs_rank: Whole = 8,
    inputs_alpha: Number = 0.5, classes: Wholes | None = None, inputs: str | None = None, n_inputs: Whole | None = None,
    fresh_inputs: Truth | None = None, pixels: str | None = None, teacher_epochs: Whole | None = None,
    student_epochs: Whole | None = None, teacher_steps: Whole | None = None, student_steps: Whole | None = None,
    optimizer: str = "adam", student_optimizer: str | None = None, learning_rate: Number | None = None,
    student_learning_rate: Number | None = None, weight_decay: Number = 0.0, student_weight_decay: Number | None = None,
    batch_size: Whole | None = None, temperature: Number = 1.0, perturbation: Number = 0.0, n_aux: Wholes = (3, 8),
    objectives: Words = ("kl", "mse"), directions: Whole = 8,
) -> xr.Dataset:
    """Sweep `prediction`: How good will a student be, with and without knowing its own inputs and batches?"""
    ...

@overload
@deprecated("the experiment has no field of this name, or the field is of another type")
def sweep(
    experiment: BuiltIn, /, over: Mapping[str, Sequence[Any] | Array] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None, *, execution: Execution | None = None, **settings: Any,
) -> xr.Dataset:
    """Refuse settings that the experiment does not have."""
    ...

@overload
def sweep(
    experiment: str | Experiment, /, over: Mapping[str, Sequence[Any] | Array] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None, *, execution: Execution | None = None, **settings: Any,
) -> xr.Dataset:
    """Run an experiment at many settings, loading the points that have been run before.

    Args:
        experiment: a name, for example "transfer", or an experiment of your own.
        over: values by field, for example {"n_aux": [2, 3, 8]}: a grid.
        points: settings of each point: a list.
        execution: how to run, as for `run`.
        **settings: fields that all points share.

    Returns:
        The results with the swept fields as dimensions (of a list: the dimension `point`, with the fields along it),
        and attributes of variables and coordinates as `run` gives them; a unit that depends on a swept field names
        every unit that there is.
        A point at which more than a tenth of the members diverged is included, with these members flagged.

    Raises:
        UsageError: a field or a value is not allowed; nothing has run then.
    """
    ...
