"""Shapes of a trunk's layers, computed without arrays: for drawing weights, counting operations, comparing trunks."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

KERNEL, STRIDE = 3, 2
HEADS = ("class_head", "aux_head")


class Layer(NamedTuple):
    """Shape of one layer: its weights are (fan_in, fan_out) and are applied at every position of its output.

    A dense layer has one position. A convolution has one per output pixel, and 9 times its input channels as fan_in.
    """

    positions: int
    fan_in: int
    fan_out: int

    @property
    def products(self) -> int:
        """Number of multiplications per sample."""
        return self.positions * self.fan_in * self.fan_out


def trunk_names(n_convolutions: int, n_dense: int) -> tuple[str, ...]:
    """Return the names of a trunk's layers, from the input on: conv_0, ..., then trunk_0, ..."""
    return (*(f"conv_{i}" for i in range(n_convolutions)), *(f"trunk_{i}" for i in range(n_dense)))


def trunk_layers(n_inputs: int, channels: Sequence[int], widths: Sequence[int]) -> dict[str, Layer]:
    """Return the layers of a trunk by name, from the input on: convolutions, which halve the side, then dense layers.

    Below convolutions the input is a square image of one channel; a halved side is rounded up.
    """
    layers: list[Layer] = []
    side, n_channels = math.isqrt(n_inputs), 1
    for n_out in channels:
        side = -(-side // STRIDE)
        layers.append(Layer(side**2, KERNEL**2 * n_channels, n_out))
        n_channels = n_out
    fans = pairwise((side**2 * n_channels if channels else n_inputs, *widths))
    layers.extend(Layer(1, *fan) for fan in fans)
    return dict(zip(trunk_names(len(channels), len(widths)), layers, strict=True))
