"""Experiments of others: what is added to their configurations, what is refused, and what they get by default."""

import hashlib
import importlib
import logging
import pickle
from dataclasses import dataclass, fields
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Literal

import numpy as np
import pytest
import xarray as xr

import sottovoce as sv
from sottovoce.errors import ClusterError, UsageError
from sottovoce.lab import defaults, registry
from sottovoce.lab.checks import DEFAULT_SEED, whole
from sottovoce.lab.configurations import completed
from sottovoce.lab.fields import converted
from sottovoce.measure import statistics
from sottovoce.running.cluster import tasks
from sottovoce.runs.execution import Job


@dataclass(frozen=True)
class Config:
    """Fields of an experiment of someone else."""

    scale: float = 1.0
    steps: Annotated[int, whole(1)] = 3
    kind: Literal["normal", "uniform"] = "normal"
    sizes: tuple[int, ...] = (1, 2)
    label: str | None = None
    exact: bool = False


class Mine(sv.Experiment):
    """Numbers of a member."""

    name, version, summary = "mine", 1, "Mine?"
    Config = Config

    def simulate(self, config, members):
        x = [config.scale * np.random.default_rng([config.seed, m]).normal() for m in members]
        return xr.Dataset({"x": ("member", x)}, coords={"member": list(members)})


@pytest.fixture(autouse=True)
def added(monkeypatch):
    """Forget at the end of a test which experiments it added."""
    monkeypatch.setattr(registry, "ADDED", {})


@pytest.fixture
def execution(tmp_path):
    return sv.Execution(out=tmp_path, quiet=True)


def test_a_configuration_is_completed_and_keeps_its_name():
    assert [field.name for field in fields(Mine.Config)] == [*(f.name for f in fields(Config)), "members", "seed"]
    assert (Mine.Config.__name__, Mine.Config.__qualname__, Mine.Config.__module__) == (
        "Config", "Mine.Config", __name__,
    )  # fmt: skip
    assert Mine.Config.__doc__ == Config.__doc__
    assert pickle.loads(pickle.dumps(Mine.Config(scale=2.0))) == Mine.Config(scale=2.0)
    resolved = Mine.Config().resolve()
    assert (resolved.members, resolved.seed) == (12, DEFAULT_SEED)
    assert Mine.Config.smoke().members == 2
    # What it has of these is its own.
    assert completed(Mine.Config, Mine) is Mine.Config


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"scale": "x"}, "scale is 'x'; allowed: a finite number"),
        ({"scale": float("inf")}, "scale is inf"),
        ({"steps": 0}, "steps is 0; allowed: 1 or more, a whole number"),
        ({"steps": 2.5}, "steps is 2.5"),
        ({"kind": "normall"}, "did you mean 'normal'"),
        ({"sizes": 3}, "sizes is 3; allowed: several values"),
        ({"sizes": (1, "a")}, "sizes is 'a'; allowed: a whole number"),
        ({"exact": 1}, "exact is 1; allowed: True, False"),
        ({"members": 0}, "members is 0; allowed: 1 or more"),
        ({"scael": 1.0}, "did you mean 'scale'"),
    ],
)
def test_values_of_a_wrong_kind_are_refused_by_name(execution, settings, words):
    with pytest.raises(UsageError) as caught:
        sv.run(Mine(), execution=execution, **settings)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"scale": np.float32(2)}, {"scale": 2.0}),
        ({"scale": 2}, {"scale": 2.0}),
        ({"steps": np.int64(4)}, {"steps": 4}),
        ({"steps": 4.0}, {"steps": 4}),
        ({"steps": np.array(4)}, {"steps": 4}),
        ({"sizes": np.arange(2, 5)}, {"sizes": (2, 3, 4)}),
        ({"sizes": [1.0, np.int8(2)]}, {"sizes": (1, 2)}),
        ({"exact": np.True_}, {"exact": True}),
        ({"label": None}, {"label": None}),
        ({"kind": np.str_("normal")}, {"kind": "normal"}),
    ],
)
def test_numbers_of_array_libraries_are_taken_in_the_types_of_the_fields(given, expected):
    found = converted(Mine.Config, given)
    assert found == expected
    (value,), (wanted,) = found.values(), expected.values()
    assert type(value) is type(wanted)
    # However the value was written, the run is the same one.
    assert Mine.Config(**given).resolve() == Mine.Config(**expected).resolve()


@pytest.mark.parametrize(
    "settings", [{"n_aux": np.int64(2), "width": np.array([16, 16])}, {"n_aux": 2.0, "width": [16, 16]}]
)
def test_built_in_experiments_take_them_too(settings):
    from sottovoce.sweeps import plan

    (planned,) = plan("transfer", points=[settings], members=np.int64(2), dataset="digits").configs
    assert (planned.n_aux, planned.width, planned.members) == (2, (16, 16), 2)
    grid = plan("transfer", {"n_aux": np.arange(2, 5)}, dataset="digits")
    assert grid.over == {"n_aux": (2, 3, 4)}


@pytest.mark.parametrize("over", [3.0, "12"])
def test_a_field_is_swept_over_several_values(over):
    with pytest.raises(UsageError, match="allowed: several values, such as a list or an array"):
        sv.sweep(Mine(), {"scale": over})


def test_a_configuration_that_cannot_be_one_is_refused_where_it_is_written():
    @dataclass
    class Thawed:
        scale: float = 1.0

    @dataclass(frozen=True)
    class Bare:
        scale: float

    @dataclass(frozen=True)
    class Odd:
        scale: bytes = b""

    for Wrong, words in (
        (Thawed, "write @dataclass"),
        (Bare, "scale has no default"),
        (Odd, "scale has the type bytes"),
    ):
        with pytest.raises(UsageError, match=words):
            type("Theirs", (sv.Experiment,), {"Config": Wrong})


def stating(**attributes):
    """Return an experiment whose class states these attributes besides those of `Mine`."""
    return type("Theirs", (Mine,), {"name": "theirs", **attributes})()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Mine, r"give an instance of it: Mine\(\)"),
        (3, "allowed: a name, or an instance of a subclass of sottovoce.Experiment"),
        (stating(name="transfer"), "name is 'transfer', which is taken by"),
        (stating(name="My share"), "Theirs.name is 'My share'"),
        (stating(version="1"), "Theirs.version is '1'"),
        (stating(summary=None), "Theirs.summary is None"),
    ],
)
def test_what_is_no_experiment_or_takes_anothers_name_is_refused(given, words):
    with pytest.raises(UsageError, match=words):
        sv.run(given)
    assert registry.ADDED == {}


def test_a_class_that_is_defined_again_takes_the_place_of_the_old():
    first, second = stating(), stating()
    assert registry.experiment(first) is first
    assert registry.experiment(second) is second
    assert registry.experiments()["theirs"] is second
    other = type("Others", (Mine,), {"name": "theirs"})()
    with pytest.raises(UsageError, match=r"taken by .*Theirs"):
        registry.experiment(other)


def test_installed_experiments_are_added_and_what_is_wrong_with_them_is_said(monkeypatch, caplog):
    def point(name, value):
        return SimpleNamespace(name=name, value=f"package:{name}", load=lambda: value)

    def broken():
        raise ImportError("no module named theirs")

    points = [
        point("mine", Mine),
        point("again", stating(name="mine")),
        point("transfer", stating(name="transfer")),
        SimpleNamespace(name="broken", value="package:broken", load=broken),
        point("number", 3),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == "sottovoce.experiments" else [])
    registry._installed.cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            found = registry.experiments()
        assert [name for name in found if name not in registry._built_in()] == ["mine"]
        assert type(found["mine"]) is Mine
        assert found["transfer"] is registry._built_in()["transfer"]
        for words in (
            "experiment again of package:again is left out: the name mine is taken",
            "experiment transfer of package:transfer is left out: the name transfer is taken",
            "experiment broken of package:broken is left out: no module named theirs",
            "experiment number of package:number is left out: experiment is 3",
        ):
            assert words in caplog.text
        # An instance of the installed class is the installed experiment.
        assert type(registry.experiment(Mine())) is Mine
    finally:
        registry._installed.cache_clear()


def test_members_are_saved_and_more_of_them_computed_alone(execution):
    asked = []

    class Counting(Mine):
        name = "counting"

        def simulate(self, config, members):
            asked.extend(members)
            return super().simulate(config, members)

    first = sv.run(Counting(), execution=execution, members=np.int64(4))
    more = sv.run(Counting(), execution=execution, members=6)
    assert sorted(asked) == list(range(6))
    np.testing.assert_array_equal(more["x"][:4], first["x"])
    swept = sv.sweep(Counting(), {"scale": np.array([1.0, 2.0])}, execution=execution, members=4)
    np.testing.assert_allclose(swept["x"].sel(scale=2.0), 2 * first["x"])
    # The point at scale 1 was saved.
    assert len(asked) == 10


def test_another_source_under_the_same_version_is_warned_of(execution, monkeypatch, caplog):
    def run_with(digest):
        monkeypatch.setattr(Mine, "digest", digest)
        with caplog.at_level(logging.WARNING):
            caplog.clear()
            sv.run(Mine(), execution=execution, members=2)
        return caplog.text

    assert run_with("a") == run_with("a") == ""
    assert "another source of mine version 1; raise the version where values change" in run_with("b")
    # A source that Python does not keep is compared with none.
    assert run_with(None) == ""


def test_the_source_is_that_of_the_module():
    assert Mine().digest == hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    from sottovoce.experiments.transfer import experiment

    assert experiment.digest is None


def test_a_result_that_is_no_dataset_is_refused(execution):
    class Wrong(Mine):
        name = "wrong"

        def simulate(self, config, members):
            return [0.0 for _ in members]

    with pytest.raises(UsageError, match=r"wrong: simulate returned \[0.0.*; allowed: an xarray.Dataset over member"):
        sv.run(Wrong(), execution=execution, members=2)


def test_workers_import_classes_of_modules_alone(tmp_path):
    def job(module, qualname):
        one = stating()
        type(one).__module__, type(one).__qualname__ = module, qualname
        return Job.of(one, Mine.Config(members=2), root=tmp_path)

    tasks.check_importable(job("package", "Theirs"))
    for module, qualname in (("__main__", "Theirs"), ("package", "function.<locals>.Theirs")):
        with pytest.raises(ClusterError, match="put it into a module of its own"):
            tasks.check_importable(job(module, qualname))


def test_a_worker_imports_what_it_does_not_know():
    assert type(tasks._imported("mine", f"{__name__}:Mine")) is Mine
    with pytest.raises(ClusterError, match="cannot import nowhere:Mine"):
        tasks._imported("other", "nowhere:Mine")


def result(**variables) -> xr.Dataset:
    return xr.Dataset(
        variables,
        coords={"member": np.arange(8), "role": ["teacher", "student"], "epoch": [10, 20, 30]},
        attrs={"experiment": "mine", "config": "{}", "identity": "0" * 64},
    )


def test_the_default_table_has_a_row_for_each_number_of_a_member():
    rng = np.random.default_rng(0)
    accuracy = rng.random((8, 2))
    found = result(
        accuracy=(("member", "role"), accuracy),
        pair=(("side", "member"), rng.random((2, 8))),
        shared=("epoch", [1.0, 2.0, 3.0]),
        word=("member", list("abcdefgh")),
        many=(("member", "pixel"), np.zeros((8, 61))),
        right=("member", [True] * 4 + [False] * 4, {"units": "share of images"}),
        diverged=("member", np.arange(8) == 3),
    )
    rows = defaults.table(found)
    assert list(rows) == ["accuracy, role teacher", "accuracy, role student", "pair, side 0", "pair, side 1", "right"]
    kept = np.delete(accuracy[:, 1], 3)
    expected = statistics.interval(kept)
    assert (rows["accuracy, role student"]["mean"], *rows["accuracy, role student"]["ci95"]) == pytest.approx(expected)
    assert rows["right"]["mean"] == pytest.approx(3 / 7)
    assert rows["right"]["quantity"] == "share of images"
    assert rows["accuracy, role student"]["members"] == 7
    assert defaults.notes(found) == ["many has 61 numbers for each member, more than the 60 that a table shows"]


def test_the_default_figure_has_a_panel_for_each_variable():
    rng = np.random.default_rng(0)
    loss, gap = rng.random((8, 3)), rng.normal(size=8)
    drawn = defaults.draw("mine", result(loss=(("member", "epoch"), loss), gap=("member", gap)), "mine")
    curve, point = drawn.figure.axes
    assert (curve.get_title("left"), curve.get_xlabel()) == ("loss", "epoch")
    # Eight members in grey, then their mean.
    np.testing.assert_allclose([line.get_ydata() for line in curve.lines[:8]], loss)
    np.testing.assert_allclose(curve.lines[8].get_ydata(), loss.mean(axis=0))
    assert sorted(line.get_ydata()[0] for line in point.lines[:8]) == pytest.approx(sorted(gap))
    np.testing.assert_allclose(drawn.data["mean"].sel(row="gap"), gap.mean())
    assert drawn.data.to_dataframe().shape == (4, 3)


def test_results_are_listed_loaded_tabled_and_drawn(execution, tmp_path):
    ran = sv.run(Mine(), execution=execution, members=6)
    swept = sv.sweep(Mine(), {"scale": [1.0, 2.0]}, execution=execution, members=6)
    runs = sv.list(tmp_path)
    assert runs["experiment"].tolist() == ["mine", "mine"]
    assert runs["members"].tolist() == [6, 6]
    assert set(runs["scale"]) == {1.0, 2.0}
    assert sv.list(tmp_path / "nowhere").empty
    loaded = sv.load(ran.attrs["identity"][:8], tmp_path)
    assert loaded["x"].identical(ran["x"])
    table = sv.table(loaded)
    expected = statistics.interval(ran["x"].values)
    assert table.loc["x", ["mean", "low", "high"]].tolist() == pytest.approx(expected)
    assert table.loc["x", "members"] == 6
    by_point = sv.table(swept)
    assert by_point.index.names == ["scale", "row"]
    assert by_point.loc[(2.0, "x"), "mean"] == pytest.approx(2 * expected.mean)
    assert len(sv.plot(loaded).axes) == 1
    with pytest.raises(UsageError, match="figure is 'bars'; allowed: mine"):
        sv.plot(loaded, "bars")
    with pytest.raises(UsageError, match="accuracies of networks"):
        sv.plot(swept)
    with pytest.raises(UsageError, match="allowed: what run, sweep and load return"):
        sv.table(xr.Dataset())


def test_the_source_is_that_of_the_code_that_runs_though_its_file_has_changed(tmp_path, monkeypatch):
    simulate = "    def simulate(self, config, members):\n        pass\n"
    text = f"import sottovoce as sv\n\n\nclass Later(sv.Experiment):\n{simulate}"
    file = tmp_path / "defined_later.py"
    file.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    later = importlib.import_module("defined_later").Later()
    file.write_text(text + "\n")
    assert later.digest == hashlib.sha256(text.encode()).hexdigest()
