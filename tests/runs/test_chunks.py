import time

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sottovoce.errors import StoreError
from sottovoce.runs.chunks import DamagedChunkError, checksum, decode, encode


@pytest.fixture
def dataset():
    return xr.Dataset(
        {
            "accuracy": (
                ("member", "role"),
                np.array([[0.5, -np.nan], [1, np.inf]], np.float32),
                {"units": "seconds"},
            ),
            "diverged": ("member", [True, False]),
            "label": ("member", ["é", "ab"]),
            "steps": ((), np.int64(7)),
        },
        coords={"member": [3, 4], "role": ["teacher", "student"]},
        attrs={"dataset": "digits"},
    )


def test_values_types_and_attributes_come_back(dataset):
    back = decode(encode(dataset))
    xr.testing.assert_identical(back, dataset)
    assert {n: v.dtype for n, v in back.variables.items()} == {n: v.dtype for n, v in dataset.variables.items()}
    assert back["accuracy"].values.tobytes() == dataset["accuracy"].values.tobytes()  # the sign of NaN included


def test_same_values_are_the_same_bytes_later_and_after_reading(dataset):
    first = encode(dataset)
    time.sleep(1.1)  # HDF5 counts time in seconds
    assert encode(dataset) == first
    assert encode(decode(first)) == first


def test_how_the_dataset_was_stored_before_does_not_matter(dataset):
    fresh = encode(dataset)
    dataset["accuracy"].encoding = {"zlib": True, "dtype": "int8", "scale_factor": 0.5}
    assert encode(dataset) == fresh


def test_any_reader_of_netcdf_reads_the_file(dataset, tmp_path):
    (tmp_path / "chunk.h5").write_bytes(encode(dataset))
    with xr.open_dataset(tmp_path / "chunk.h5", engine="h5netcdf", decode_timedelta=False) as read:
        xr.testing.assert_equal(read, dataset)


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_any_damage_is_seen(data):
    whole = encode(xr.Dataset({"a": ("member", [1.0, 2.0])}, coords={"member": [0, 1]}))
    position = data.draw(st.integers(0, len(whole) - 1))
    flipped = bytearray(whole)
    flipped[position] ^= data.draw(st.integers(1, 255))
    for damaged in (bytes(flipped), whole[:position], whole + b"\0"):
        with pytest.raises(DamagedChunkError):
            decode(damaged)


def test_values_that_changed_before_sealing_are_seen(dataset, monkeypatch):
    monkeypatch.setattr("sottovoce.runs.chunks.checksum", lambda _: str(time.perf_counter_ns()))
    with pytest.raises(StoreError, match="cannot be stored"):
        encode(dataset)


def test_what_would_not_come_back_is_refused():
    dates = xr.Dataset({"when": ("member", np.array(["2025-01-01"], "datetime64[ns]"))}, coords={"member": [0]})
    with pytest.raises(StoreError, match="allowed: numbers, booleans and strings"):
        encode(dates)


@settings(deadline=None)
@given(arrays.arrays(arrays.scalar_dtypes().filter(lambda d: d.kind in "biuf" and d.itemsize <= 8), (2, 3)))
def test_checksum_knows_values_not_layout(values):
    plain = xr.Dataset({"a": (("member", "x"), values)})
    layouts = (np.asfortranarray(values), values.astype(values.dtype.newbyteorder()))
    assert {checksum(xr.Dataset({"a": (("member", "x"), layout)})) for layout in layouts} == {checksum(plain)}
    changed = values.copy()
    changed[1, 2] = not changed[1, 2] if values.dtype.kind == "b" else 1 if changed[1, 2] == 0 else 0
    assert checksum(xr.Dataset({"a": (("member", "x"), changed)})) != checksum(plain)
    assert checksum(xr.Dataset({"b": (("member", "x"), values)})) != checksum(plain)
    assert checksum(xr.Dataset({"a": (("x", "member"), values)})) != checksum(plain)
