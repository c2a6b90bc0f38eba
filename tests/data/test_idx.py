"""The IDX reader against files written by the format's description, sound and damaged."""

import gzip
import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sottovoce.data.idx import read_idx
from sottovoce.errors import DataError

SHAPE = (5, 2, 3)
VALUES = bytes(range(math.prod(SHAPE)))
FIX = "fix: this command"


def packed(header: tuple[int, ...] = (2051, *SHAPE), values: bytes = VALUES) -> bytes:
    return gzip.compress(struct.pack(f">{len(header)}I", *header) + values, mtime=0)


def read(content: bytes, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return read_idx(content, shape, "the file", FIX)


def test_images_are_read_in_row_major_order():
    array = read(packed())
    assert array.dtype == np.uint8
    np.testing.assert_array_equal(array, np.arange(30).reshape(SHAPE))


def test_labels_have_the_magic_number_of_one_axis():
    np.testing.assert_array_equal(read(packed((2049, 30)), (30,)), np.arange(30))


@settings(deadline=None)
@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)))
def test_what_is_written_is_read(array: np.ndarray):
    content = packed((2048 + array.ndim, *array.shape), array.tobytes())
    np.testing.assert_array_equal(read(content, array.shape), array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (packed()[:-12], "gzip stream truncated"),
        (b"\x1f\x8b", "gzip stream truncated"),
        (b"<html>not found</html>", "not a sound gzip file"),
        (packed() + b"tail", "not a sound gzip file"),
        (packed()[:-5] + bytes([packed()[-5] ^ 1]) + packed()[-4:], "not a sound gzip file"),
        (b"", "header cut off after 0 of 16 bytes"),
        (packed((2051, 5)), "holds"),
        (packed((2051,), b""), "header cut off after 4 of 16 bytes"),
        (packed((2049, *SHAPE)), "magic number is 2049, expected 2051"),
        (packed((0x0D03, *SHAPE)), "magic number is 3331, expected 2051"),
        (packed((2051, 4, 2, 3)), "header says shape 4 x 2 x 3, expected 5 x 2 x 3"),
        (packed((2051, 5, 3, 2)), "header says shape 5 x 3 x 2, expected 5 x 2 x 3"),
        (packed(values=VALUES[:-1]), "holds 29 values, expected 30"),
        (packed(values=VALUES + b"\0"), "holds 31 values, expected 30"),
    ],
)
def test_each_damage_has_its_own_one_line_error(content: bytes, message: str):
    if message == "holds":
        message = "header says shape 5 x "  # a header cut short runs into the values
    with pytest.raises(DataError) as caught:
        read(content)
    text = str(caught.value)
    assert text.startswith(f"the file: {message}")
    assert text.endswith(f"; {FIX}")
    assert "\n" not in text


@settings(deadline=None)
@given(st.integers(0, len(packed()) - 1))
def test_a_file_cut_anywhere_is_refused(length: int):
    with pytest.raises(DataError):
        read(packed()[:length])


@settings(deadline=None, max_examples=300)
@given(st.integers(0, len(packed()) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_does_no_harm(position: int, flip: int):
    content = bytearray(packed())
    content[position] ^= flip
    try:
        array = read(bytes(content))
    except DataError:
        return
    # Only gzip's time stamp and platform, which no checksum covers, may change unnoticed.
    np.testing.assert_array_equal(array, read(packed()))


def test_the_array_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        read(packed())[0, 0, 0] = 1
