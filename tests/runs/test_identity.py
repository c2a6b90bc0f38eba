import enum
import hashlib
from dataclasses import make_dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sottovoce.errors import UsageError
from sottovoce.runs.identity import canonical, run_header

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9)
)
values = st.recursive(
    scalars, lambda inner: st.tuples(inner, inner) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
configs = st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), values, min_size=1, max_size=6)


def identity(config, experiment="toy", version=1):
    return run_header(experiment, version, config)["identity"]


def test_canonical_json_and_identity_are_those_written_down():
    config = make_dataclass("Config", ["rate", "members", "sizes", "name"], frozen=True)(0.1, 8, (2, 3), "é")
    assert canonical(config) == '{"members":8,"name":"\\u00e9","rate":0.1,"sizes":[2,3]}'
    content = '{"experiment":"toy","fields":{"name":"\\u00e9","rate":0.1,"sizes":[2,3]},"version":1}'
    expected = hashlib.sha256(content.encode()).hexdigest()
    assert identity(config) == expected, "canonical form changed: every stored run would be computed again"


@settings(deadline=None)
@given(configs, st.randoms(use_true_random=False))
def test_order_of_fields_and_kind_of_sequence_do_not_matter(config, random):
    names = list(config)
    random.shuffle(names)
    lists = {name: list(v) if isinstance(v, tuple) else v for name, v in ((n, config[n]) for n in names)}
    assert identity(lists) == identity(config)
    fields = [name + "_" for name in names]  # keywords are no field names
    as_dataclass = make_dataclass("Config", fields, frozen=True)(*(config[name] for name in names))
    assert identity(as_dataclass) == identity({name + "_": value for name, value in config.items()})


@settings(deadline=None)
@given(configs, st.data())
def test_a_changed_field_changes_identity(config, data):
    name = data.draw(st.sampled_from(sorted(config)).filter(lambda name: name != "members"))
    other = data.draw(values.filter(lambda value: canonical(value) != canonical(config[name])))
    assert identity(config | {name: other}) != identity(config)


@settings(deadline=None)
@given(configs, scalars)
def test_members_do_not_count_but_nested_members_do(config, count):
    without = {name: value for name, value in config.items() if name != "members"}
    assert identity(without | {"members": count}) == identity(without)
    assert identity({"a": {"members": 1}}) != identity({"a": {"members": 2}})


def test_experiment_version_and_neighboring_floats_count():
    names = {
        identity({"a": 0.1}),
        identity({"a": 0.1}, version=2),
        identity({"a": 0.1}, experiment="top"),
        identity({"a": float(np.nextafter(0.1, 1))}),
    }
    assert len(names) == 4


class Color(enum.StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    "value",
    [Path("a"), Color.RED, np.float64(1), np.int64(1), float("nan"), float("inf"), {1}, {1: 2}, b"a", object],
)
def test_what_json_cannot_say_is_refused_by_name(value):
    with pytest.raises(UsageError, match=r"config\.outer\[0\] is .*allowed: strings") as error:
        canonical({"outer": (value,)})
    assert "\n" not in str(error.value)


def test_header_holds_all_but_members():
    header = run_header("toy", 3, {"members": 4, "seed": 0})
    assert header == {
        "experiment": "toy",
        "version": 3,
        "config": {"seed": 0},
        "identity": header["identity"],
    }
