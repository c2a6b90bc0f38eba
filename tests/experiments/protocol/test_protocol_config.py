"""Fields of the protocol: presets per dataset, and every value that cannot be trained with is refused by name."""

from dataclasses import replace

import numpy as np
import pytest

from sottovoce.data import facts
from sottovoce.data.catalog import CATALOG
from sottovoce.data.datasets import NAMES, load_dataset
from sottovoce.data.inputs import STANDARD
from sottovoce.errors import UsageError
from sottovoce.experiments.decoding import experiment as decoding
from sottovoce.experiments.inputs import experiment as inputs
from sottovoce.experiments.protocol import inputs as protocol_inputs
from sottovoce.experiments.protocol import presets
from sottovoce.experiments.spectrum import config as spectrum_config
from sottovoce.experiments.spectrum import experiment as spectrum
from sottovoce.experiments.transfer import experiment as transfer


def test_facts_of_datasets_are_those_of_their_images():
    assert set(facts.BUILT_IN) == set(NAMES) == set(presets.PRESETS)
    digits = load_dataset("digits")
    assert tuple(np.bincount(digits.train_labels)) == facts.BUILT_IN["digits"].class_sizes
    assert digits.image_shape == facts.BUILT_IN["digits"].image_shape
    for name, collection in CATALOG.items():
        ((n, *shape),) = (file.shape for file in collection.files if file.role == "train_images")
        assert sum(facts.BUILT_IN[name].class_sizes) == n
        assert facts.BUILT_IN[name].image_shape == tuple(shape)


def test_mnist_unset_is_the_published_protocol():
    config = transfer.Config(dataset="mnist").resolve()
    assert (config.width, config.depth, config.activation, config.initialization) == (256, 2, "relu", "normal")
    assert (config.teacher_epochs, config.student_epochs, config.batch_size) == (5, 5, 1024)
    assert (config.learning_rate, config.student_learning_rate, config.temperature) == (3e-4, 3e-4, 1.0)
    assert (config.inputs, config.n_inputs, config.pixels) == ("uniform", 60_000, "symmetric")
    assert (config.n_aux, config.objective) == (3, "kl")


def test_what_is_set_stays_and_the_students_rate_follows_the_teachers():
    config = transfer.Config(dataset="digits", learning_rate=0.02, batch_size=7).resolve()
    assert (config.learning_rate, config.student_learning_rate, config.batch_size) == (0.02, 0.02, 7)
    assert transfer.Config(dataset="digits", student_learning_rate=0.1).resolve().student_learning_rate == 0.1


def test_students_take_the_teachers_optimizer_and_decay_unless_they_have_their_own():
    config = transfer.Config(dataset="digits", optimizer="adamw", weight_decay=0.1)
    resolved = config.resolve()
    assert (resolved.student_optimizer, resolved.student_weight_decay) == ("adamw", 0.1)
    other = replace(config, student_optimizer="sgd", student_weight_decay=0.0).resolve()
    assert (other.optimizer, other.student_optimizer, other.student_weight_decay) == ("adamw", "sgd", 0.0)
    unset = transfer.Config(dataset="digits").resolve()
    assert (unset.optimizer, unset.student_optimizer, unset.student_weight_decay) == ("adam", "adam", 0.0)


def test_steps_stand_for_epochs_and_epochs_for_steps():
    whole = transfer.Config(dataset="digits", student_epochs=2).resolve()
    assert (whole.teacher_epochs, whole.teacher_steps) == (60, 60 * 23)
    assert (whole.student_epochs, whole.student_steps) == (2, 2 * 157)
    cut = transfer.Config(dataset="digits", teacher_steps=24, student_steps=157).resolve()
    assert (cut.teacher_epochs, cut.teacher_steps, cut.student_epochs, cut.student_steps) == (2, 24, 1, 157)
    assert cut.resolve() == cut
    # The same steps whatever the batch: an eighth of the samples, an eighth of the passes.
    few = transfer.Config(dataset="digits", teacher_steps=184, batch_size=8).resolve()
    assert (few.teacher_epochs, few.teacher_steps) == (2, 184)


def test_a_width_for_each_layer_gives_the_depth():
    assert transfer.Config(dataset="digits").resolve().widths() == (256, 256)
    assert transfer.Config(dataset="digits", width=16, depth=6).resolve().widths() == (16,) * 6
    config = transfer.Config(dataset="digits", width=(64, 32, 16)).resolve()
    assert (config.depth, config.widths()) == (3, (64, 32, 16))
    assert config.resolve() == config


def test_auto_is_digits_where_no_files_are(monkeypatch, tmp_path):
    monkeypatch.setenv("SOTTOVOCE_DATA", str(tmp_path))
    monkeypatch.setattr("sottovoce.data.folders.cache_folder", lambda: tmp_path)
    assert transfer.Config().resolve() == transfer.Config(dataset="digits").resolve()


def test_the_published_spectrum_is_another_experiment_than_the_described():
    described, published, _ = (spectrum.Config(dataset="mnist", variant=v).resolve() for v in spectrum_config.VARIANTS)
    assert (described.inputs, described.student_epochs, described.student_learning_rate) == ("uniform", 5, 3e-4)
    assert (described.initialization, described.fresh_heads, described.n_aux_built) == ("normal", False, 8)
    assert (published.inputs, published.student_epochs, published.student_learning_rate) == ("images", 100, 1e-4)
    assert (published.initialization, published.fresh_heads, published.n_aux_built) == ("uniform", True, 27)
    assert (described.pixels, published.pixels) == ("symmetric", "unit")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"dataset": "mnits"}, ["dataset is 'mnits'", "digits, mnist, fashion-mnist", "did you mean 'mnist'"]),
        ({"inputs": "noise"}, ["inputs is 'noise'", "uniform, normal, images"]),
        ({"activation": "rleu"}, ["activation is 'rleu'", "did you mean 'relu'"]),
        ({"initialization": "xavier"}, ["initialization is 'xavier'", "normal, uniform, orthogonal"]),
        ({"orthonormal_heads": "yes"}, ["orthonormal_heads is 'yes'; allowed: True, False"]),
        (
            {"orthonormal_heads": True, "width": 16, "n_aux": 7},
            ["10 class and 7 auxiliary columns; allowed: at most 16 together", "last hidden layer"],
        ),
        ({"precision": "float16"}, ["precision is 'float16'", "float32, tensorfloat32, bfloat16"]),
        ({"perturbation": -0.1}, ["perturbation is -0.1; allowed: zero or a positive number"]),
        ({"perturbation": float("nan")}, ["perturbation is nan"]),
        ({"optimizer": "adm"}, ["optimizer is 'adm'", "adam, adamw, sgd, momentum, sign", "did you mean 'adam'"]),
        ({"student_optimizer": "lion"}, ["student_optimizer is 'lion'", "sign"]),
        ({"weight_decay": -0.1}, ["weight_decay is -0.1; allowed: zero or a positive number"]),
        ({"student_weight_decay": float("inf")}, ["student_weight_decay is inf"]),
        ({"weight_decay": 0.1}, ["weight_decay is 0.1 with optimizer adam; allowed: 0", "use adamw"]),
        ({"optimizer": "adamw"}, ["weight_decay is 0.0 with optimizer adamw; allowed: a positive number"]),
        (
            {"optimizer": "adamw", "weight_decay": 0.1, "student_optimizer": "adam"},
            ["student_weight_decay is 0.1 with student_optimizer adam"],
        ),
        ({"n_aux": 4, "n_aux_built": 3}, ["n_aux is 4", "at most n_aux_built, which is 3"]),
        ({"n_aux_built": 0}, ["n_aux_built is 0; allowed: 1 or more"]),
        ({"pixels": "bytes"}, ["pixels is 'bytes'", "symmetric, unit"]),
        ({"objective": "kll"}, ["objective is 'kll'", "did you mean 'kl'"]),
        *[
            ({name: 0}, [f"{name} is 0; allowed: 1 or more"])
            for name in ("members", "n_inputs", "width", "depth", "teacher_epochs", "student_epochs", "batch_size")
        ],
        *[
            ({name: value}, [f"{name} is {value}; allowed: a positive number"])
            for name in ("learning_rate", "student_learning_rate", "temperature", "gain")
            for value in (0.0, -1.0, float("nan"), float("inf"))
        ],
        ({"teacher_steps": 0}, ["teacher_steps is 0; allowed: 1 or more"]),
        ({"student_steps": 1.5}, ["student_steps is 1.5; allowed: 1 or more, a whole number"]),
        (
            {"teacher_epochs": 5, "teacher_steps": 92},
            ["teacher_steps is 92 with teacher_epochs 5 of 23 steps", "or 93 to 115 steps"],
        ),
        ({"student_epochs": 1, "student_steps": 158}, ["student_epochs 1 of 157 steps", "or 1 to 157 steps"]),
        ({"batch_size": 64.0}, ["batch_size is 64.0", "a whole number"]),
        ({"width": "16"}, ["width is '16'", "a whole number"]),
        ({"width": True}, ["width is True", "a whole number"]),
        ({"width": (16, 0)}, ["width is 0", "a whole number"]),
        ({"width": ()}, ["width is ()", "one number, or one for each hidden layer"]),
        ({"width": (16, 8), "depth": 3}, ["width is (16, 8) with depth 3", "one for each hidden layer"]),
        ({"learning_rate": "1e-3"}, ["learning_rate is '1e-3'; allowed: a positive number"]),
        ({"seed": -1}, ["seed is -1; allowed: 0 to 2147483647"]),
        ({"seed": 2**31}, ["seed is 2147483648; allowed: 0 to 2147483647"]),
        ({"n_aux": 0}, ["n_aux is 0; allowed: 1 or more"]),
        ({"n_aux": 1}, ["n_aux is 1 with objective kl", "gradient is exactly zero", "2 or more, or objective mse"]),
        ({"n_aux": 1, "objective": "hard"}, ["n_aux is 1 with objective hard", "gradient is exactly zero"]),
        ({"n_aux": 1, "objective": "centered_mse"}, ["objective centered_mse; one logit less its own mean is zero"]),
        ({"batch_size": 2000}, ["batch_size is 2000; allowed: 1 to 1442", "training images"]),
        ({"n_inputs": 50}, ["batch_size is 64; allowed: 1 to 50", "50 distillation inputs"]),
        *[
            (
                {"inputs": kind, "n_inputs": 1443},
                ["n_inputs is 1443", f"inputs={kind}: 1 to 1442", "one training"],
            )
            for kind in protocol_inputs.OF_IMAGES
        ],
        *[
            ({"inputs": kind, "fresh_inputs": True}, ["fresh_inputs is True", f"inputs={kind}", "no noise", "mixture"])
            for kind in protocol_inputs.UNCHANGING
        ],
        ({"inputs_scale": 0.0}, ["inputs_scale is 0.0; allowed: a positive number"]),
        ({"inputs_scale": float("inf")}, ["inputs_scale is inf"]),
        ({"inputs_scale": "1"}, ["inputs_scale is '1'"]),
        ({"inputs_shift": float("nan")}, ["inputs_shift is nan; allowed: a finite number"]),
        ({"inputs": "blurred", "inputs_length_scale": 0.05}, ["inputs_length_scale is 0.05", "0.1 or more pixels"]),
        ({"inputs": "low_rank", "inputs_rank": 65}, ["inputs_rank is 65; allowed: 1 to 64", "64 pixels"]),
        ({"inputs": "low_rank", "inputs_rank": 0}, ["inputs_rank is 0; allowed: 1 to 64"]),
        ({"inputs": "low_rank", "inputs_rank": 2.0}, ["inputs_rank is 2.0", "a whole number"]),
        ({"inputs": "mixture", "inputs_alpha": -0.1}, ["inputs_alpha is -0.1; allowed: zero or a positive number"]),
        ({"inputs_rank": 4}, ["inputs_rank is 4; allowed with inputs=low_rank only", "no other kind"]),
        ({"inputs": "normal", "inputs_alpha": 0.1}, ["inputs_alpha is 0.1; allowed with inputs=mixture only"]),
        ({"inputs": "mixture", "inputs_length_scale": 3.0}, ["inputs_length_scale is 3.0", "inputs=blurred only"]),
        *[
            ({"classes": classes}, ["classes is", "two classes or more in rising order", "nothing to learn"])
            for classes in ((), (3,), (1, 0), (1, 1), (-1, 3), ("0", "1"), (0.0, 1.0), 3)
        ],
        ({"classes": (8, 10)}, ["classes is (8, 10); allowed: classes 0 to 9"]),
        ({"classes": (0, 1), "batch_size": 290}, ["batch_size is 290; allowed: 1 to 289", "289 training images"]),
        ({"classes": (0, 1), "inputs": "images", "n_inputs": 290}, ["n_inputs is 290", "1 to 289"]),
    ],
    ids=str,
)
@pytest.mark.parametrize("module", [transfer, decoding])
def test_refuses(module, fields, words):
    with pytest.raises(UsageError) as caught:
        module.Config(**{"dataset": "digits"} | fields).resolve()
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dataset", sorted(facts.BUILT_IN))
def test_the_long_spectrum_differs_from_the_described_in_the_students_epochs_alone(dataset):
    described, long = (spectrum.Config(dataset=dataset, variant=v).resolve() for v in ("described", "long"))
    assert long.student_epochs == spectrum_config.LONG_EPOCHS[dataset] > described.student_epochs
    # The long variant has fewer members on large images, because each costs as much as 17 of the others.
    as_long = {name: getattr(described, name) for name in ("student_epochs", "student_steps", "members")}
    assert replace(long, variant="described", **as_long) == described
    # Steps of the optimizer: 5900 on MNIST, 6280 on digits.
    assert long.student_steps == pytest.approx(5900, rel=0.1)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"variant": "publishd"}, ["variant is 'publishd'", "did you mean 'published'"]),
        ({"n_aux": ()}, ["n_aux is ()", "one value or more, none twice"]),
        ({"objectives": ()}, ["objectives is ()", "one value or more, none twice"]),
        ({"objectives": ("kl", "nll")}, ["objectives is 'nll'", "kl, mse, centered_mse, hard"]),
        ({"n_aux": (1, 4), "objectives": ("kl",)}, ["n_aux is 1 with objective kl", "gradient is exactly zero"]),
        ({"n_aux": (1,)}, ["n_aux is 1 with objective kl", "gradient is exactly zero"]),
        ({"n_aux": (1, 4), "objectives": ("hard",)}, ["n_aux is 1 with objective hard"]),
        ({"update_draws": 18}, ["update_draws is 18", "19 or more"]),
        ({"n_aux": (2, 9), "n_aux_built": 8}, ["n_aux is 9", "at most n_aux_built, which is 8"]),
        ({"n_aux": (2, 28), "variant": "published"}, ["n_aux is 28", "at most n_aux_built, which is 27"]),
        ({"depth": 1}, ["depth is 1", "2 or more", "second dense hidden layer"]),
        ({"width": (16,)}, ["depth is 1", "2 or more", "second dense hidden layer"]),
        ({"batch_size": 2000}, ["batch_size is 2000; allowed: 1 to 1442"]),
        ({"n_aux": (2, 2)}, ["n_aux is (2, 2)", "none twice"]),
        ({"n_aux": 3}, ["n_aux is 3", "one value or more, none twice"]),
    ],
    ids=str,
)
def test_the_spectrum_refuses(fields, words):
    with pytest.raises(UsageError) as caught:
        spectrum.Config(**{"dataset": "digits"} | fields).resolve()
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_parameter_stands_in_three_places_with_one_default():
    for config in (transfer.Config(), inputs.Config()):
        for name, value in STANDARD._asdict().items():
            assert getattr(config, f"inputs_{name}") == value
    for name, kind in protocol_inputs.USED_BY.items():
        changed = transfer.Config(dataset="digits", inputs=kind, **{name: 3}).resolve()
        assert getattr(changed, name) == 3


def test_unset_there_are_as_many_inputs_as_the_preset_says_or_images_to_make_them_of():
    for kind in protocol_inputs.INPUTS:
        config = transfer.Config(dataset="digits", inputs=kind).resolve()
        assert config.n_inputs == (1442 if kind in protocol_inputs.OF_IMAGES else 10_000)
        assert config.fresh_inputs is False
        assert config.classes == tuple(range(10))
        assert transfer.Config(dataset="mnist", inputs=kind).resolve().n_inputs == 60_000
    few = transfer.Config(dataset="digits", inputs="mixture", classes=(2, 7)).resolve()
    assert few.n_inputs == few.n_train() == 142 + 144
    assert spectrum.Config(dataset="digits", variant="published", classes=(2, 7)).resolve().n_inputs == 286


def test_images_of_a_configuration_are_those_of_its_classes():
    from sottovoce.experiments.protocol.program import images_of

    config = transfer.Config(dataset="digits", classes=(2, 7)).resolve()
    some, every = images_of(config), load_dataset("digits")
    assert len(some.train_labels) == config.n_train()
    for split in ("train", "test"):
        labels, pixels = (getattr(every, f"{split}_{part}") for part in ("labels", "pixels"))
        chosen = [i for i, label in enumerate(labels) if label in {2, 7}]
        np.testing.assert_array_equal(getattr(some, f"{split}_labels"), labels[chosen])
        np.testing.assert_array_equal(getattr(some, f"{split}_pixels"), pixels[chosen])
    assert some.n_class == 10


def test_one_logit_beside_others_makes_a_student_under_mse_only():
    config = spectrum.Config(dataset="digits", n_aux=(1, 2)).resolve()
    assert config.distilled() == (("kl", 2), ("mse", 1), ("mse", 2))
    whole_grid = tuple((objective, k) for objective in ("kl", "mse") for k in (2, 4, 8))
    assert spectrum.Config(dataset="digits").resolve().distilled() == whole_grid


def test_one_logit_is_allowed_under_mse():
    assert transfer.Config(dataset="digits", n_aux=1, objective="mse").resolve().n_aux == 1
    assert spectrum.Config(dataset="digits", n_aux=(1,), objectives=("mse",)).resolve().n_aux_built == 1
