"""One call from Python: what it returns, what it remembers, and what it refuses."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

import sottovoce as sv
from sottovoce.errors import UsageError
from sottovoce.experiments.toy import experiment as toy
from sottovoce.experiments.transfer import experiment as transfer
from sottovoce.running.run import Execution
from sottovoce.runs.identity import plain


@pytest.fixture
def execution(tmp_path: Path) -> Execution:
    return Execution(out=tmp_path, devices=2, quiet=True)


def test_an_experiment_is_one_call_and_its_result_says_what_it_is(execution, smoke):
    settings = {name: value for name, value in asdict(transfer.Config.smoke()).items() if value is not None}
    result = sv.run("transfer", execution=execution, **settings)
    assert result.attrs["experiment"] == "transfer"
    assert result.attrs["cached"] == 0
    assert result.attrs["diverged_members"] == []
    assert json.loads(result.attrs["config"]) == plain(transfer.Config.smoke().resolve())
    expected = smoke("transfer")
    np.testing.assert_array_equal(result["accuracy"], expected["accuracy"])
    assert result["role"].values.tolist() == expected["role"].values.tolist()


def test_a_second_call_loads_and_refresh_computes_again(execution):
    first = sv.run("toy", execution=execution, draws=20, members=3)
    again = sv.run("toy", execution=execution, draws=20, members=3)
    assert (first.attrs["cached"], again.attrs["cached"]) == (0, 1)
    assert again.drop_attrs().identical(first.drop_attrs())
    refreshed = sv.run("toy", execution=Execution(out=execution.out, refresh=True, quiet=True), draws=20, members=3)
    assert refreshed.attrs["cached"] == 0
    assert refreshed.drop_attrs().identical(first.drop_attrs())
    assert refreshed.attrs["identity"] == first.attrs["identity"]


def test_how_it_is_run_is_not_part_of_what_it_is(execution):
    first = sv.run("toy", execution=execution, draws=20, members=3)
    other = Execution(out=execution.out / "elsewhere", chunk=2, device="cpu", quiet=True)
    second = sv.run("toy", execution=other, draws=20, members=3)
    assert second.attrs["cached"] == 0
    assert second.attrs["identity"] == first.attrs["identity"]
    assert second.drop_attrs().identical(first.drop_attrs())


def test_silent_and_in_the_folder_out_by_default(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    sv.run("toy", draws=5, members=1)
    assert list((tmp_path / "out" / "runs").iterdir())
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("tranfser", {}, ["experiment is 'tranfser'", "did you mean 'transfer'"]),
        ("transfer", {"naux": 3}, ["field is 'naux'", "did you mean 'n_aux'"]),
        ("transfer", {"dataset": "digits", "n_aux": 1}, ["n_aux is 1", "gradient is exactly zero"]),
        ("toy", {"members": 0}, ["members is 0"]),
    ],
)
def test_refuses_before_anything_is_written(execution, name, settings, words):
    with pytest.raises(UsageError) as caught:
        sv.run(name, execution=execution, **settings)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert not (execution.out / "runs").exists()


def test_a_folder_of_data_that_is_none_is_refused(execution):
    with pytest.raises(UsageError, match="data_dir is"):
        sv.run("transfer", execution=Execution(data_dir=execution.out / "none", quiet=True), dataset="auto")


def test_the_package_offers_its_rooms():
    assert sv.run is not None
    assert sv.load_dataset("digits").n_class == 10
    W1 = np.eye(2)
    np.testing.assert_allclose(
        sv.theory.linear.student(W1, np.array([[1.0, 1.0], [1.0, 0.0]]), n_aux=1), [[1, 0], [0, 0]]
    )
    np.testing.assert_allclose(sv.measure.spectra.explained_variance_ratio(np.array([[1.0, -1.0]])), [1.0])
    assert toy.version == sv.lab.registry.experiment("toy").version
    assert set(sv.__dir__()) >= {"run", "load_dataset", "theory", "measure", "training"}


@pytest.mark.data
def test_mnist_itself_transfers(execution):
    from sottovoce.data import locate

    if locate("mnist") is None:
        pytest.skip("the MNIST files are neither at $SOTTOVOCE_DATA nor in the cache")
    result = sv.run(
        "transfer", execution=execution, dataset="mnist", members=1, width=64, teacher_epochs=1, student_epochs=1
    )
    assert np.isfinite(result["accuracy"]).all()
    assert np.isfinite(result["final_loss"].drop_sel(role="reference")).all()
    accuracy = dict(zip(result["role"].values.tolist(), result["accuracy"].values[0].tolist(), strict=True))
    assert accuracy["teacher"] > 0.8
    assert accuracy["student_all"] > accuracy["reference"]


def test_members_that_gain_from_it_are_saved_together(tmp_path):
    sv.run("toy_training", members=3, draws=2, steps=5, execution=Execution(out=tmp_path, quiet=True))
    assert len(list(tmp_path.rglob("members-*.h5"))) == 1
