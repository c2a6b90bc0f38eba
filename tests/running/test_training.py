"""Networks out: those of a run's members, by whichever route, and equal to what the run measured."""

import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sottovoce as sv
from sottovoce.errors import StoreError, UsageError
from sottovoce.lab import registry
from sottovoce.lab.experiment import Trained
from sottovoce.runs import weights
from sottovoce.runs.execution import Interrupted
from sottovoce.runs.store import RunFolder

SETTINGS = {
    **{"dataset": "digits", "members": 3, "width": 16, "n_aux": (2, 3), "objectives": ("kl",)},
    **{"teacher_epochs": 2, "student_epochs": 1, "n_inputs": 256},
}
ROLES = ("reference", "teacher", "kl 2", "kl 3")


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("weights")


@pytest.fixture(scope="module")
def spectrum(out):
    """Run without weights, whose members are there."""
    return sv.run("spectrum", execution=sv.Execution(out=out, quiet=True), **SETTINGS)


@pytest.fixture(scope="module")
def kept(spectrum, out):
    """Complete the run with its weights."""
    again = sv.run("spectrum", execution=sv.Execution(out=out, quiet=True, keep_weights=True), **SETTINGS)
    assert again.equals(spectrum)
    return RunFolder.of(out / "runs", spectrum.attrs)


def accuracy(network, images):
    return (np.argmax(network.class_logits(jnp.asarray(images.test_images)), axis=1) == images.test_labels).mean()


def equal(one, other):
    return all(map(np.array_equal, jax.tree.leaves(one), jax.tree.leaves(other)))


def test_networks_of_chosen_members_classify_as_the_run_says(spectrum, out):
    images = sv.load_dataset("digits")
    found = sv.train("spectrum", of=np.array([2, 0]), execution=sv.Execution(out=out, quiet=True), **SETTINGS)
    assert [*found] == [2, 0]
    assert {tuple(networks) for networks in found.values()} == {ROLES}
    for member, networks in found.items():
        for role, network in networks.items():
            saved = float(spectrum["accuracy"].sel(member=member, network=role))
            assert accuracy(network, images) == pytest.approx(saved, abs=1e-6)  # a mean in float32


def test_weights_of_a_finished_run_are_those_of_a_run_that_kept_them_and_of_training_without_a_run(kept, tmp_path):
    sv.run("spectrum", execution=sv.Execution(out=tmp_path, quiet=True, keep_weights=True, chunk=2), **SETTINGS)
    other = RunFolder(tmp_path / "runs" / kept.path.name)
    never = sv.Execution(out=tmp_path / "nothing", quiet=True)
    trained = sv.train("spectrum", of=1, execution=never, **SETTINGS)[1]
    loaded = sv.train("spectrum", of=[1], execution=sv.Execution(out=kept.path.parents[1], quiet=True), **SETTINGS)[1]
    assert not never.out.exists()
    for role in ROLES:
        assert equal(trained[role], loaded[role])
    for member in range(3):
        one, two = (weights.load(folder, member, ROLES) for folder in (kept, other))
        assert all(np.array_equal(one[role][name], two[role][name]) for role in ROLES for name in one[role])


def test_saved_weights_measure_as_the_run_did(kept, spectrum):
    file = weights.file(kept, 2, "teacher")
    command = [sys.executable, "-m", "sottovoce", "measure", "spectrum", str(file), "--layer", "trunk.1.weight"]
    said = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    measured = json.loads(said.stdout)["layers"]["trunk.1.weight"]["explained_variance_ratio"]
    ratios = spectrum["weight_explained_variance_ratio"].sel(member=2, network="teacher").values
    np.testing.assert_allclose(measured, ratios, rtol=1e-9)


def test_saved_weights_are_not_trained_again(kept, monkeypatch):
    one = registry.experiment("spectrum")
    monkeypatch.setattr(type(one), "train", lambda *_: pytest.fail("trained again"))
    execution = sv.Execution(out=kept.path.parents[1], quiet=True, keep_weights=True)
    assert [*sv.train("spectrum", execution=execution, **SETTINGS)] == [0, 1, 2]


@pytest.mark.parametrize(
    "changed",
    [
        lambda dataset: dataset.assign(accuracy=dataset["accuracy"] + 1e-3),
        lambda dataset: dataset.drop_vars("accuracy"),
    ],
    ids=["another number", "a number less"],
)
def test_a_member_that_differs_when_it_is_trained_again_is_refused(spectrum, out, monkeypatch, changed):
    one = registry.experiment("spectrum")
    train = type(one).train

    def other(self, config, members):
        arrays, dataset = train(self, config, members)
        return Trained(arrays, changed(dataset))

    monkeypatch.setattr(type(one), "train", other)
    monkeypatch.setattr(weights, "load", lambda *_: None)
    with pytest.raises(StoreError, match=r"member 1 of spectrum, trained again, has other values of accuracy than the"):
        sv.train("spectrum", of=[1], execution=sv.Execution(out=out, quiet=True), **SETTINGS)


def test_what_is_refreshed_gets_new_weights(tmp_path):
    settings = SETTINGS | {"members": 2}
    execution = sv.Execution(out=tmp_path, quiet=True, keep_weights=True)
    folder = RunFolder.of(tmp_path / "runs", sv.run("spectrum", execution=execution, **settings).attrs)
    before = weights.file(folder, 0, "teacher").stat().st_mtime_ns
    sv.run("spectrum", execution=sv.Execution(out=tmp_path, quiet=True, refresh=True), **settings)
    assert weights.load(folder, 0, ROLES) is None
    sv.run("spectrum", execution=execution, **settings)
    assert weights.file(folder, 0, "teacher").stat().st_mtime_ns > before


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"of": [3]}, "of has the member 3; allowed: 0 to 2, the run's members"),
        ({"of": -1}, "of has the member -1; allowed: 0 to 2"),
        ({"of": [0.5]}, "of has the member 0.5; allowed: 0 to 2"),
        ({"of": "0"}, "of has the member '0'; allowed: 0 to 2"),
    ],
)
def test_members_that_the_run_does_not_have_are_refused(settings, message, out):
    with pytest.raises(UsageError, match=message):
        sv.train("spectrum", execution=sv.Execution(out=out, quiet=True), **settings, **SETTINGS)


def test_experiments_and_workers_that_return_no_networks_are_refused(out):
    with pytest.raises(UsageError, match="theorem returns no networks"):
        sv.train("theorem", execution=sv.Execution(out=out, quiet=True), dataset="digits", members=1)
    with pytest.raises(UsageError, match="--keep-weights is given, but theorem returns no networks; leave it out"):
        sv.run("theorem", execution=sv.Execution(out=out, quiet=True, keep_weights=True), dataset="digits", members=1)
    workers = sv.Execution(out=out, quiet=True, keep_weights=True, executor="dask")
    with pytest.raises(UsageError, match="executor is 'dask'; allowed: local, for networks stay in this process"):
        sv.train("spectrum", execution=workers, **SETTINGS)
    with pytest.raises(UsageError, match="--keep-weights is given with --executor dask, whose workers send results"):
        sv.run("spectrum", execution=workers, **SETTINGS)


def test_a_chunk_that_is_saved_has_its_weights(tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    settings, execution = SETTINGS | {"members": 1}, sv.Execution(out=tmp_path, quiet=True, keep_weights=True)
    monkeypatch.setattr(RunFolder, "save", killed)
    with pytest.raises(Interrupted):
        sv.run("spectrum", execution=execution, **settings)
    (path,) = (tmp_path / "runs").iterdir()
    folder = RunFolder(path)
    assert folder.members() == []
    assert weights.load(folder, 0, ROLES) is not None
