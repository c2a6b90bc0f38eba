"""A chunk as bytes: NetCDF-4 of some members' results, equal for equal values, and verified when it is read.

There are two checks with two purposes. The checksum, an attribute, covers the values: the values that are read are
those that were measured. The seal, appended after the NetCDF (whose readers ignore it), covers the bytes: HDF5, which
can crash the process instead of raising an exception, never parses a damaged file.
"""

import hashlib
import io
import json
import threading

import numpy as np
import xarray as xr
from xarray.backends import H5NetCDFStore

from sottovoce.errors import StoreError

CHECKSUM = "checksum"
_SEAL = b"\nsha256:"
_SEAL_LENGTH = len(_SEAL) + hashlib.sha256().digest_size * 2


class DamagedChunkError(ValueError):
    """The bytes of a chunk are not those that were written."""


def checksum(dataset: xr.Dataset) -> str:
    """Return the SHA-256, in hexadecimal, of all variables: names, dimensions, types, shapes, little-endian values."""
    digest = hashlib.sha256()
    # Sorted, because the order in which an experiment adds its variables is no part of the values.
    for name in sorted(map(str, dataset.variables)):
        variable = dataset[name]
        values = np.asarray(variable.values)
        # Text may be written as one of these types and read back as another, so only its characters count.
        if values.dtype.kind in "OUT":
            kind, content = "str", json.dumps(values.tolist(), default=repr).encode()
        else:
            little = values.dtype.newbyteorder("<")
            kind, content = little.str, np.ascontiguousarray(values, dtype=little).tobytes()
        digest.update(json.dumps([name, [*map(str, variable.dims)], kind, values.shape]).encode() + content)
    return digest.hexdigest()


def encode(dataset: xr.Dataset) -> bytes:
    """Return the chunk file of a dataset; a StoreError where some values would not be read back unchanged.

    The same values and attributes are the same bytes with the same library versions, except that HDF5 may lay them out
    differently in a process whose threads are sampled by a profiler, as dask's workers are.
    """
    plain = dataset.drop_encoding().assign_attrs({CHECKSUM: checksum(dataset)})
    # HDF5 writes to memory, because on a full disk it can crash the process. The store has a lock of its own, because
    # `to_netcdf` would ask the scheduler of a dask client for one, under a name that no other process knows.
    target = io.BytesIO()
    with H5NetCDFStore.open(target, mode="w", lock=threading.Lock()) as store:
        plain.dump_to_store(store)
    body = target.getvalue()
    data = body + _SEAL + hashlib.sha256(body).hexdigest().encode()
    try:
        # NetCDF converts some types silently, which shows only when the values are read back.
        decode(data)
    except DamagedChunkError as error:
        raise StoreError(f"a result cannot be stored: {error}; allowed: numbers, booleans and strings") from error
    return data


def decode(data: bytes) -> xr.Dataset:
    """Read the bytes of a chunk file; a DamagedChunkError where the seal or the checksum is wrong."""
    body, seal = data[:-_SEAL_LENGTH], data[-_SEAL_LENGTH:]
    if seal != _SEAL + hashlib.sha256(body).hexdigest().encode():
        raise DamagedChunkError("its bytes are not those that were written")
    # Nothing is decoded as a date, so that a variable in units of seconds stays a number.
    dataset = xr.load_dataset(io.BytesIO(body), engine="h5netcdf", decode_times=False, decode_timedelta=False)
    dataset = dataset.drop_encoding()
    if dataset.attrs.pop(CHECKSUM, None) != checksum(dataset):
        raise DamagedChunkError("its values are not those that were measured")
    return dataset


def sealed(span: range, dataset: xr.Dataset, identity: str) -> bytes:
    """Return the chunk file of these members of a run; a StoreError where the dataset holds other members."""
    held = dataset["member"].values.tolist() if "member" in dataset.coords else None
    if held != list(span):
        raise StoreError(f"asked for members {span[0]} to {span[-1]}, the experiment returned {held}")
    # With the identity inside, a chunk that was copied into another run's folder is refused.
    return encode(dataset.assign_attrs(identity=identity))


def opened(data: bytes, span: range, identity: str) -> xr.Dataset:
    """Read the bytes of a chunk file; a DamagedChunkError where it does not hold these members of this run intact."""
    chunk = decode(data)
    held = chunk["member"].values if "member" in chunk.coords else None
    # Sizes are compared first: a file's name may claim more members than fit in a list.
    is_whole = held is not None and held.size == len(span) and held.tolist() == list(span)
    if not is_whole or chunk.attrs.get("identity") != identity:
        raise DamagedChunkError("it belongs to another run or to other members")
    return chunk
