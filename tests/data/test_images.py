"""The user's own labeled images: taken as they come, known by their content, refused where they are none."""

import json
import sys
import zipfile

import numpy as np
import pytest

import sottovoce as sv
from documents import ROOT, run, steps
from sottovoce.data import facts, image_files, images
from sottovoce.errors import ClusterError, DataError, UsageError
from sottovoce.lab import registry
from sottovoce.running.cluster import tasks
from sottovoce.running.cluster.engine import Workers
from sottovoce.runs import catalog
from sottovoce.runs.chunks import opened
from sottovoce.runs.execution import Job

RNG = np.random.default_rng(0)
N_TRAIN, N_TEST = 90, 30
TRAIN, TEST = (RNG.integers(0, 256, (n, 12, 12), dtype=np.uint8) for n in (N_TRAIN, N_TEST))
TRAIN_LABELS, TEST_LABELS = (np.arange(n) % 3 for n in (N_TRAIN, N_TEST))
PARTS = (TRAIN, TRAIN_LABELS, TEST, TEST_LABELS)


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """Forget at the end of a test which images it gave."""
    monkeypatch.setattr(facts, "OWN", {})
    monkeypatch.setattr(images, "_OWN", {})


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "shapes.npz"
    np.savez(path, train_images=TRAIN, train_labels=TRAIN_LABELS, test_images=TEST, test_labels=TEST_LABELS)
    return path


def test_images_have_the_pixels_labels_and_sizes_that_were_given():
    own = sv.LabeledImages(*PARTS)
    np.testing.assert_array_equal(own.train_pixels, TRAIN.reshape(N_TRAIN, 144))
    np.testing.assert_array_equal(own.test_labels, TEST_LABELS)
    assert (own.n_class, own.image_shape, own.brightest) == (3, (12, 12), 255)
    np.testing.assert_allclose(own.train_images, TRAIN.reshape(N_TRAIN, 144) / 255 * 2 - 1, atol=1e-6)
    assert facts.facts(own.name) == facts.Facts((12, 12), (30, 30, 30), "digits")
    unit = sv.load_dataset(own.name, pixel_range=(0.0, 1.0))
    np.testing.assert_allclose(unit.test_images, TEST.reshape(N_TEST, 144) / 255, atol=1e-6)
    two = own.of_classes((0, 2))
    assert set(two.train_labels) == set(two.test_labels) == {0, 2}
    assert len(two.train_pixels) == 60


def test_a_change_of_what_was_loaded_changes_nothing_for_others():
    own = sv.LabeledImages(*PARTS)
    sv.load_dataset(own.name).train_pixels[:] = 0
    np.testing.assert_array_equal(sv.load_dataset(own.name).train_pixels, TRAIN.reshape(N_TRAIN, 144))


def test_images_stay_as_they_were_when_they_got_their_name():
    given = [np.array(part) for part in PARTS]
    own = sv.LabeledImages(*given)
    given[0][:] = 0
    np.testing.assert_array_equal(own.train_pixels, TRAIN.reshape(N_TRAIN, 144))
    with pytest.raises(ValueError, match="read-only"):
        own.train_pixels[0, 0] = 1


def test_images_that_were_changed_or_restricted_are_not_the_dataset_whose_name_they_have():
    own = sv.LabeledImages(*PARTS)
    assert own.as_setting == own.name
    loaded = sv.load_dataset(own.name)
    assert loaded.as_setting == own.name
    loaded.train_pixels[0, 0] ^= 1
    assert loaded.as_setting != own.name
    digits = sv.load_dataset("digits").of_classes((0, 1))
    assert digits.name == "digits"
    assert facts.facts(digits.as_setting).class_sizes == facts.BUILT_IN["digits"].class_sizes[:2]


def test_floats_from_0_to_1_are_pixels_as_they_are():
    train, test = TRAIN / 255, TEST / 255
    own = sv.LabeledImages(train, TRAIN_LABELS, test, TEST_LABELS)
    np.testing.assert_allclose(own.train_images, 2 * train.reshape(N_TRAIN, 144) - 1, atol=1e-6)
    # The networks get the same numbers as from bytes, up to rounding.
    np.testing.assert_allclose(own.test_images, sv.LabeledImages(*PARTS).test_images, atol=1e-6)


@pytest.mark.parametrize(("shape", "expected"), [((144,), (1, 144)), ((6, 8, 3), (1, 144)), ((18, 8), (18, 8))])
def test_images_of_any_shape_are_flattened(shape, expected):
    own = sv.LabeledImages(TRAIN.reshape(-1, *shape), TRAIN_LABELS, TEST.reshape(-1, *shape), TEST_LABELS)
    assert (own.train_pixels.shape, own.image_shape) == ((N_TRAIN, 144), expected)


def test_a_dataset_is_known_by_its_content():
    names = {sv.LabeledImages(*PARTS).name, sv.LabeledImages(*(np.array(part) for part in PARTS)).name}
    assert len(names) == 1
    other_pixel, other_label = TRAIN.copy(), np.array(TEST_LABELS)
    other_pixel[3, 5, 7] ^= 1
    other_label[4] = (other_label[4] + 1) % 3
    changed = [
        sv.LabeledImages(other_pixel, *PARTS[1:]),
        sv.LabeledImages(*PARTS[:3], other_label),
        sv.LabeledImages(TRAIN.reshape(-1, 144), TRAIN_LABELS, TEST.reshape(-1, 144), TEST_LABELS),
        sv.LabeledImages(TRAIN[:60], TRAIN_LABELS[:60], TEST, TEST_LABELS),
        sv.LabeledImages(TRAIN // 2, TRAIN_LABELS, TEST // 2, TEST_LABELS),
        sv.LabeledImages(TRAIN // 2, TRAIN_LABELS, TEST // 2, TEST_LABELS, brightest=127),
    ]
    assert len(names | {one.name for one in changed}) == 7


def test_without_a_split_every_fifth_image_of_each_class_is_held_out():
    labels = np.array([0] * 10 + [1] * 7)
    own = sv.LabeledImages(TRAIN[:17], labels)
    np.testing.assert_array_equal(own.test_pixels, TRAIN[[4, 9, 14]].reshape(3, 144))
    assert own.test_labels.tolist() == [0, 0, 1]
    assert facts.facts(own.name).class_sizes == (8, 6)
    # The embedded digits are split by the same rule.
    digits = sv.load_dataset("digits")
    assert np.bincount(digits.test_labels).tolist() == [
        n // 5 for n in np.bincount([*digits.train_labels, *digits.test_labels])
    ]


def test_many_images_have_the_presets_of_mnist(monkeypatch):
    monkeypatch.setattr(images, "MANY", 80)
    assert facts.facts(sv.LabeledImages(*PARTS).name).preset == "mnist"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({0: TRAIN[0, 0]}, r"train_images has the shape \(12,\)"),
        ({0: 5}, r"train_images has the shape \(\)"),
        ({0: TRAIN[:, 0, 0]}, r"train_images has the shape \(90,\); allowed: \(image, row, column\)"),
        ({0: TRAIN.astype(np.int64)}, r"train_images is of type int64; allowed: bytes \(uint8\), or finite"),
        ({0: TRAIN / 254}, "train_images is of type float64"),
        ({0: np.where(TRAIN == 3, np.nan, TRAIN / 255)}, "train_images is of type float64"),
        ({2: TEST[:, :10]}, r"test_images is of shape \(10, 12\) and type uint8; allowed: \(12, 12\) and uint8"),
        ({2: TEST / 255}, "and type float32; allowed:"),
        ({1: TRAIN_LABELS[:-1]}, r"train_labels has the shape \(89,\) and type int64; allowed: \(90,\)"),
        ({1: TRAIN_LABELS / 1.0}, "type float64; allowed"),
        ({1: TRAIN_LABELS - 1}, "a whole number from 0 on"),
        ({1: 2 * TRAIN_LABELS}, r"train_labels has \[30, 0, 30, 0, 30\] images of classes 0 to 4"),
        ({1: 0 * TRAIN_LABELS}, "two classes or more"),
        ({2: None}, "test_images and test_labels belong together"),
        ({3: None}, "test_images and test_labels belong together"),
        ({3: TEST_LABELS + 1}, "test_labels has class 3; allowed: 0 to 2"),
    ],
)  # fmt: skip
def test_what_is_no_labeled_image_is_refused_by_name(change, words):
    with pytest.raises(UsageError, match=words):
        sv.LabeledImages(*(change.get(i, part) for i, part in enumerate(PARTS)))
    assert facts.OWN == {}


@pytest.mark.parametrize("brightest", [0, 256, 16.0, "16", [16, 16], True])
def test_the_brightest_pixel_is_a_byte(brightest):
    with pytest.raises(UsageError, match="allowed: 1 to 255, a whole number"):
        sv.LabeledImages(*PARTS, brightest=brightest)


def test_a_pixel_brighter_than_the_brightest_is_refused():
    with pytest.raises(UsageError, match="train_images has a pixel of 255; allowed: 0 to 16, the brightest"):
        sv.LabeledImages(*PARTS, brightest=16)


def test_a_file_holds_the_same_images(file, tmp_path):
    assert image_files.read(file).name == sv.LabeledImages(*PARTS).name
    assert sv.data.choose_dataset(str(file)) == image_files.read(file).name
    np.savez(tmp_path / "one.npz", images=TRAIN // 16, labels=TRAIN_LABELS, brightest=16)
    one = image_files.read(tmp_path / "one.npz")
    assert (one.brightest, len(one.test_pixels)) == (16, 18)


def test_what_is_no_file_of_images_is_refused(file, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=r"which is no file; allowed: a .npz file"):
        image_files.read(tmp_path / "nowhere.npz")
    np.savez(tmp_path / "other.npz", x=TRAIN)
    with pytest.raises(UsageError, match="has the arrays x; allowed: train_images, train_labels"):
        image_files.read(tmp_path / "other.npz")
    np.savez(tmp_path / "words.npz", images=np.array([{"a": 1}] * 9), labels=np.arange(9) % 2)
    with pytest.raises(DataError, match="is no archive of NumPy arrays"):
        image_files.read(tmp_path / "words.npz")
    (tmp_path / "cut.npz").write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DataError, match="is no archive of NumPy arrays"):
        image_files.read(tmp_path / "cut.npz")
    np.savez(tmp_path / "wrong.npz", images=TRAIN, labels=TRAIN_LABELS[:-1])
    with pytest.raises(UsageError, match=r"wrong.npz: train_labels has the shape"):
        image_files.read(tmp_path / "wrong.npz")
    # The header of an array that declares more than the file holds: nothing is allocated for it.
    with zipfile.ZipFile(tmp_path / "lies.npz", "w") as archive, archive.open("images.npy", "w") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": (10**13, 8, 8)})
    with pytest.raises(DataError, match=r"images\.npy declares 640000000000000 bytes and holds 128"):
        image_files.read(tmp_path / "lies.npz")
    monkeypatch.setattr(image_files, "LARGEST_FILE", 10_000)
    with pytest.raises(DataError, match=r"shapes.npz holds 0\.0 GiB"):
        image_files.read(file)


def test_networks_learn_someones_own_images_from_arrays_and_file_alike(file, tmp_path):
    settings = {"members": 2, "width": 16, "teacher_epochs": 1, "student_epochs": 1, "n_inputs": 64, "batch_size": 32}
    execution = sv.Execution(out=tmp_path, quiet=True)
    first = sv.run("transfer", dataset=sv.LabeledImages(*PARTS), execution=execution, **settings)
    again = sv.run("transfer", dataset=str(file), execution=execution, **settings)
    assert (first.attrs["cached"], again.attrs["cached"]) == (0, 1)
    config = json.loads(again.attrs["config"])
    assert config["dataset"] == image_files.read(file).name
    assert config["classes"] == [0, 1, 2]
    assert first["correct"].sizes["image"] == N_TEST
    assert first.sel(role="teacher")["accuracy"].notnull().all()
    # Floats are the same images up to rounding, and another dataset.
    floats = sv.LabeledImages(TRAIN / 255, TRAIN_LABELS, TEST / 255, TEST_LABELS)
    same = sv.run("transfer", dataset=floats, execution=execution, **settings)
    assert same.attrs["cached"] == 0
    np.testing.assert_allclose(same["final_loss"], first["final_loss"], rtol=1e-3)
    two = sv.run("transfer", dataset=str(file), classes=(0, 2), execution=execution, **settings)
    assert two["correct"].sizes["image"] == 20
    with pytest.raises(UsageError, match=r"classes is \(0, 3\); allowed: classes 0 to 2"):
        sv.run("transfer", dataset=str(file), classes=(0, 3), execution=execution, **settings)
    # A report does not need the images.
    facts.OWN.clear()
    assert set(sv.report.results.load_all(tmp_path / "runs")) == {"transfer"}
    # What their preset is cannot be known without them, so no such run stands before one at a preset.
    assert not sv.report.results._is_preset(catalog.find(tmp_path / "runs", "transfer"), {})


def test_what_needs_square_images_refuses_others():
    wide = sv.LabeledImages(TRAIN.reshape(-1, 18, 8), TRAIN_LABELS, TEST.reshape(-1, 18, 8), TEST_LABELS)
    Config = registry.experiment("transfer").Config
    for settings, words in (
        ({"channels": (4,)}, "convolutions need square images, and those of own-.* are 18 x 8"),
        ({"inputs": "blurred"}, r"inputs is 'blurred', which needs square images; those of own-.* are \(18, 8\)"),
    ):
        with pytest.raises(UsageError, match=words):
            Config(dataset=wide.name, **settings).resolve()


def test_workers_read_the_file_and_refuse_arrays(file, tmp_path, monkeypatch):
    # This process has started its devices, of which a worker would have one.
    monkeypatch.setattr(tasks, "_start", lambda *_: None)
    experiment = registry.experiment("transfer")

    def task(dataset):
        few = {"width": 16, "n_inputs": 64, "batch_size": 32, "teacher_epochs": 1, "student_epochs": 1}
        config = experiment.Config(dataset=dataset, members=1, **few).resolve()
        return tasks.describe(Job.of(experiment, config, root=tmp_path), range(1), Workers())

    with pytest.raises(ClusterError, match=r"given as arrays, which workers do not have; save them as a \.npz file"):
        task(sv.LabeledImages(*PARTS).name)
    facts.OWN.clear()
    asked = task(str(file))
    assert asked["data_file"] == str(file)
    # A worker that has not read the file yet finds the images by the task.
    facts.OWN.clear()
    assert opened(tasks.answer(asked)["chunk"], range(1), asked["identity"])["accuracy"].notnull().all()
    assert set(facts.OWN) == {asked["config"]["dataset"]}
    assert task("digits")["data_file"] is None


def test_the_pages_python_runs_as_written(tmp_path):
    page = (ROOT / "docs" / "own_data.md").read_text(encoding="utf-8")
    (step,) = (step for step in steps(page) if step.is_python)
    done = run([sys.executable, "-c", step.code], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "teacher" in done.stdout
