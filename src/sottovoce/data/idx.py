"""The IDX format of the MNIST files: a big-endian header, then one byte per value, all gzip-compressed."""

import gzip
import math
import struct
import zlib

import numpy as np
from jaxtyping import UInt8

from sottovoce.errors import DataError

_UNSIGNED_BYTES = 0x0800  # the magic number's third byte names the type; its fourth, the number of axes


def read_idx(content: bytes, shape: tuple[int, ...], where: object, fix: str) -> UInt8[np.ndarray, "..."]:
    """Read one gzip-compressed IDX file of unsigned bytes.

    Args:
        content: the file's bytes, compressed.
        shape: the shape that the header must state; one axis for labels, three (sample, row, column) for images.
        where: the file's path, for error messages.
        fix: what the user can do about a damaged file, for error messages.

    Returns:
        A read-only array of that shape.

    Raises:
        DataError: when the gzip stream is truncated or corrupt, the magic number is not the one for that many
            axes, the header's shape is another one, or there are fewer or more values than the header says.
    """
    raw = _decompress(content, where, fix)
    header = struct.Struct(f">{1 + len(shape)}I")
    if len(raw) < header.size:
        raise DataError(f"{where}: header cut off after {len(raw)} of {header.size} bytes; {fix}")
    magic, *found = header.unpack_from(raw)
    if magic != (expected := _UNSIGNED_BYTES + len(shape)):
        raise DataError(f"{where}: magic number is {magic}, expected {expected}; {fix}")
    if tuple(found) != shape:
        raise DataError(f"{where}: header says shape {_times(found)}, expected {_times(shape)}; {fix}")
    if (n_value := len(raw) - header.size) != math.prod(shape):
        raise DataError(f"{where}: holds {n_value} values, expected {math.prod(shape)}; {fix}")
    # A view of bytes, which are immutable: the array is read-only without a copy.
    return np.frombuffer(raw, np.uint8, offset=header.size).reshape(shape)


def _decompress(content: bytes, where: object, fix: str) -> bytes:
    try:
        return gzip.decompress(content)
    except EOFError:
        raise DataError(f"{where}: gzip stream truncated after {len(content)} bytes; {fix}") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{where}: not a sound gzip file ({error}); {fix}") from None


def _times(shape: list[int] | tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
