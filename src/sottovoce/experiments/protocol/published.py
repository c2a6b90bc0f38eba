"""Numbers from the papers and their figures, for comparison only: nothing is fitted to them."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Published(NamedTuple):
    """A published mean and, where it was published, the half-width of its 95 % interval."""

    mean: float
    half_width: float | None = None


TRANSFER = {
    "reference": Published(0.0998, 0.0047),
    "teacher": Published(0.9434, 0.0005),
    "student": Published(0.528, 0.022),
    "student_all": Published(0.9125, 0.0019),
    "cross_model": Published(0.106, 0.010),
    "cross_model_all": Published(0.743, 0.010),
}
"""Test accuracies on MNIST (Cloud et al. 2025, MNIST experiment): 100 members, k = 3, kl, uniform noise."""

SPECTRUM = {
    "reference": (0.0154, 0.0150, 0.0146),
    "teacher": (0.0615, 0.0523, 0.0492, 0.0456, 0.0417, 0.0326, 0.0284, 0.0216, 0.0185, 0.0116),
    "kl 2": (0.0346, 0.0170, 0.0155),
    "kl 4": (0.0316, 0.0257, 0.0213, 0.0166, 0.0152),
    "kl 8": (0.0300, 0.0248, 0.0216, 0.0193, 0.0176, 0.0166, 0.0156, 0.0149),
}
"""Explained-variance ratios of components 1, 2, ... (the post's Figure 3, read off the figure; 3 members)."""

# As they are saved: JSON has lists where the configuration has tuples.
TRANSFER_SETTINGS: Mapping[str, Any] = {
    "dataset": "mnist",
    "inputs": "uniform",
    "n_inputs": 60_000,
    "fresh_inputs": False,
    "inputs_scale": 1.0,
    "inputs_shift": 0.0,
    "classes": list(range(10)),
    "width": 256,
    "depth": 2,
    "channels": [],
    "student_channels": [],
    "student_width": 256,
    "student_depth": 2,
    "activation": "relu",
    "initialization": "normal",
    "gain": 1.0,
    "orthonormal_heads": False,
    "pixels": "symmetric",
    "teacher_epochs": 5,
    "student_epochs": 5,
    # 60,000 images make 59 batches of 1024, the last one short.
    "teacher_steps": 295,
    "student_steps": 295,
    "optimizer": "adam",
    "student_optimizer": "adam",
    "learning_rate": 3e-4,
    "student_learning_rate": 3e-4,
    "weight_decay": 0.0,
    "student_weight_decay": 0.0,
    "batch_size": 1024,
    "temperature": 1.0,
    "perturbation": 0.0,
    "precision": "float32",
    "n_aux": 3,
    "objective": "kl",
}
"""Fields of a saved configuration under which `TRANSFER` was measured; other runs are not compared with it."""

SPECTRUM_SETTINGS: Mapping[str, Any] = {
    **{name: value for name, value in TRANSFER_SETTINGS.items() if name not in {"n_aux", "objective"}},
    "inputs": "images",
    "initialization": "uniform",
    "pixels": "unit",
    "student_epochs": 100,
    "student_steps": 5_900,
    "student_learning_rate": 1e-4,
    "n_aux_built": 27,
    "fresh_heads": True,
}
"""Fields under which `SPECTRUM` was measured; the set of students is not among them, for students do not interact."""


def comparable(config: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Return whether a configuration has all of the published settings."""
    return all(config.get(name) == value for name, value in settings.items())
