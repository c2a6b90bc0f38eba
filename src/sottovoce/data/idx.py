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
    """Read a gzip-compressed IDX file of unsigned bytes as a read-only array of the shape that its header must state.

    Raises:
        DataError: the gzip stream is truncated or corrupt, the magic number is not the one for that many axes, the
            header's shape is another one, or there are fewer or more values; `where` and `fix` go into the message.
    """
    try:
        # The caller has verified the checksum, so that unpacking cannot fill the memory.
        raw = gzip.decompress(content)
    except EOFError:
        raise DataError(f"{where}: gzip stream truncated after {len(content)} bytes; {fix}") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{where}: not a sound gzip file ({error}); {fix}") from None
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


def _times(shape: list[int] | tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
