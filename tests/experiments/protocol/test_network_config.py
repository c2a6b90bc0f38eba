"""Fields of the trunks: what unset ones take, what each experiment refuses, and what they cost."""

from dataclasses import replace

import numpy as np
import pytest

from sottovoce import sweeps
from sottovoce.cli.main import main
from sottovoce.errors import UsageError
from sottovoce.experiments.decoding import experiment as decoding
from sottovoce.experiments.prediction import experiment as prediction
from sottovoce.experiments.protocol import program
from sottovoce.experiments.sharing import experiment as sharing
from sottovoce.experiments.sharing.simulate import simulate as simulate_sharing
from sottovoce.experiments.spectrum import experiment as spectrum
from sottovoce.experiments.spectrum.simulate import simulate as simulate_spectrum
from sottovoce.experiments.transfer import experiment as transfer
from sottovoce.experiments.transfer.simulate import simulate as simulate_transfer
from sottovoce.lab import registry
from sottovoce.runs.identity import plain
from sottovoce.training.students import Student

TRUNK = ("channels", "width", "depth")
# A teacher with convolutions, a perceptron of one layer more as its student.
TWO = {"channels": (4, 2), "student_channels": (), "student_depth": 3}


def trunks(config):
    return tuple(getattr(config, f"{prefix}{name}") for prefix in ("", "student_") for name in TRUNK)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ((), 256, 2, (), 256, 2)),
        ({"channels": (8, 16)}, ((8, 16), 256, 2, (8, 16), 256, 2)),
        ({"channels": (8,), "student_channels": ()}, ((8,), 256, 2, (), 256, 2)),
        ({"student_depth": 3}, ((), 256, 2, (), 256, 3)),
        ({"depth": 3}, ((), 256, 3, (), 256, 3)),
        ({"student_width": (64, 32, 256)}, ((), 256, 2, (), (64, 32, 256), 3)),
        ({"width": (64, 16), "student_width": 16}, ((), (64, 16), 2, (), 16, 2)),
        ({"width": (64, 16)}, ((), (64, 16), 2, (), (64, 16), 2)),
    ],
    ids=str,
)
def test_unset_the_students_trunk_is_the_teachers(fields, expected):
    config = transfer.Config(dataset="digits", **fields).resolve()
    assert trunks(config) == expected
    assert config.resolve() == config


def test_the_identity_says_both_trunks():
    said = plain(transfer.Config(dataset="digits").resolve())
    assert {name: said[name] for name in said if name.removeprefix("student_") in TRUNK} == {
        "channels": [], "width": 256, "depth": 2, "student_channels": [], "student_width": 256, "student_depth": 2,
    }  # fmt: skip


SAME = "so the students' last hidden layer has 128 units; allowed: 256, the teacher's"


@pytest.mark.parametrize(
    ("module", "fields", "words"),
    [
        (transfer, {"channels": 8}, "channels is 8; allowed: one number for each convolutional layer, or none"),
        (transfer, {"channels": (8, 0)}, "channels is 0; allowed: 1 or more, a whole number"),
        (transfer, {"student_channels": (8, 1.5)}, "student_channels is 1.5; allowed: 1 or more, a whole number"),
        (transfer, {"student_channels": "8"}, "student_channels is '8'; allowed: one number for each"),
        (transfer, {"student_depth": 0}, "student_depth is 0; allowed: 1 or more, a whole number"),
        (transfer, {"student_width": 0}, "student_width is 0; allowed: 1 or more, a whole number"),
        (transfer, {"student_width": (8, 256), "student_depth": 3}, "student_width is (8, 256) with student_depth 3"),
        (transfer, {"width": (64, 256), "student_depth": 3}, "student_width is (64, 256) with student_depth 3"),
        (transfer, {"student_width": 128}, f"student_width is 128, {SAME}, for students start with its initial heads"),
        (sharing, {"student_width": (256, 128)}, f"student_width is (256, 128), {SAME}"),
        (spectrum, {"student_depth": 1}, "student_depth is 1; allowed: 2 or more, for the second dense hidden layer"),
        (
            spectrum,
            {"student_width": (64, 256)},
            "student_width is (64, 256), so the students' second dense hidden layer is (64, 256) (inputs, units); "
            "allowed: (256, 256), the teacher's, for their spectra are compared",
        ),
        (decoding, {"student_depth": 3}, "student_depth is 3; allowed: 2, the teacher's, for updates of the same"),
        (decoding, {"student_channels": (4,)}, "student_channels is (4,); allowed: (), the teacher's, for updates"),
        (
            prediction,
            {"channels": (4,), "student_channels": ()},
            "student_channels is (); allowed: (4,), the teacher's",
        ),
        (prediction, {"student_width": (64, 256)}, "student_width is (64, 256); allowed: 256, the teacher's, for pred"),
        (
            sharing,
            {"student_width": (64, 256)},
            "allowed: class_head, aux_head, for the teacher has no trunk_0 of this shape that the students could share",
        ),
        (
            sharing,
            {"student_channels": (5,), "blocks": ("trunk_1", "conv_0")},
            "allowed: trunk_1, class_head, aux_head, for the teacher has no conv_0 of this shape",
        ),
        (sharing, {"blocks": ("conv_0",)}, "blocks is 'conv_0'; allowed: trunk_0, trunk_1, class_head, aux_head"),
        (sharing, {"channels": (4,), "frozen": ("conv_1",)}, "frozen is 'conv_1'; allowed: conv_0, trunk_0, trunk_1"),
    ],
    ids=str,
)
def test_refuses(module, fields, words):
    with pytest.raises(UsageError) as caught:
        module.Config(**{"dataset": "digits"} | fields).resolve()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_teachers_trunk_in_other_words_is_not_refused():
    same = {"student_width": (256, 256), "student_depth": 2, "student_channels": ()}
    for module in (transfer, spectrum, decoding, prediction, sharing):
        assert module.Config(dataset="digits", **same).resolve().student_width == (256, 256)
    deeper = spectrum.Config(dataset="digits", student_depth=3, student_channels=(5,)).resolve()
    assert deeper.shared_blocks() == ("trunk_1", "class_head", "aux_head")
    # Four channels of 4 x 4 are 64 numbers, as many as there are pixels.
    same_shape = replace(deeper, student_channels=(4,))
    assert same_shape.shared_blocks() == ("trunk_0", *deeper.shared_blocks())
    assert deeper.student_blocks() == ("conv_0", "trunk_0", "trunk_1", "trunk_2", "class_head", "aux_head")


def test_the_teachers_trunk_in_other_words_is_the_default_bit_for_bit(smoke):
    default = transfer.Config.smoke().resolve()
    given = replace(default, student_width=(16, 16), student_depth=2, student_channels=())
    protocols = [program.member_program(c, (Student("student", "kl", 3),), n_aux=3).protocol for c in (default, given)]
    # One program: nothing about it can differ.
    assert protocols[0] == protocols[1]
    assert protocols[0].student_architecture is None
    assert simulate_transfer(given, (0, 1)).identical(smoke("transfer"))


def test_a_perceptrons_memory_and_work_are_those_of_its_layers():
    config = transfer.Config(dataset="mnist").resolve()
    layers = (784, 256, 256, 13)
    parameters = 784 * 256 + 256 * 256 + 256 * 13
    inputs = 60_000 * (2 * 784 + 2 * 13)
    assert config.member_bytes() == 4 * (inputs + 5 * (5 * parameters + 3 * 1024 * sum(layers)))
    # Two teachers and five students, of five epochs each.
    operations, steps = config.member_work()
    assert operations == 35 * 60_000 * (6 * (784 * 256 + 256 * 256) - 2 * 784 * 256)
    assert steps == 35 * 60_000 // 1024


def test_memory_is_that_of_the_students_and_work_that_of_both():
    plain_, teacher, student, both = (
        transfer.Config(dataset="mnist", **fields).resolve()
        for fields in (
            {},
            {"channels": (16, 32), "student_channels": ()},
            {"student_channels": (16, 32)},
            {"channels": (16, 32)},
        )
    )
    assert teacher.member_bytes() == plain_.member_bytes() < student.member_bytes() == both.member_bytes()
    of_teacher, of_student, of_both = (c.member_work()[0] - plain_.member_work()[0] for c in (teacher, student, both))
    assert 2 * of_student == 5 * of_teacher > 0
    assert of_both == of_teacher + of_student
    # 14 x 14 x 9 x 16 and 7 x 7 x 144 x 32 products, then 1568 inputs instead of 784.
    first, second = 14 * 14 * 9 * 16, 7 * 7 * 144 * 32
    more = 6 * (first + second + 784 * 256) - 2 * first + 2 * 784 * 256
    assert of_teacher == 10 * 60_000 * more


@pytest.fixture(scope="module")
def two():
    """Simulate members 0 and 1 with two trunks."""
    return simulate_transfer(replace(transfer.Config.smoke(), teacher_epochs=10, **TWO).resolve(), (0, 1))


def test_a_member_with_two_trunks_does_not_depend_on_its_company(two):
    config = replace(transfer.Config.smoke(), teacher_epochs=10, **TWO).resolve()
    other = simulate_transfer(config, (5, 1))
    assert other.sel(member=1).identical(two.sel(member=1))
    assert not other["accuracy"].sel(member=5).equals(two["accuracy"].sel(member=0))


def test_a_teacher_with_convolutions_learns_and_so_does_another_trunk_from_all_its_logits(two):
    accuracy = two["accuracy"].mean("member")
    # Chance is 0.1. Four students' steps are few: there it is the loss that has to fall.
    assert accuracy.sel(role="teacher") > 0.5
    assert not two["diverged"].any()
    config = replace(transfer.Config.smoke(), teacher_epochs=10, **TWO, student_epochs=1, student_learning_rate=1e-6)
    still = simulate_transfer(config.resolve(), (0, 1))["final_loss"]
    learned = ["student", "student_all", "cross_model", "cross_model_all"]
    assert (two["final_loss"].sel(role=learned) < still.sel(role=learned)).all()


def test_the_spectrum_of_another_trunk_starts_at_the_references_second_layer():
    fields = {"student_depth": 3, "student_channels": (4,), "student_steps": 1, "student_epochs": None}
    config = replace(spectrum.Config.smoke(), **fields, n_aux=(2,), objectives=("mse",))
    updates = simulate_spectrum(config.resolve(), (0,))["update_singular_value"].sel(member=0, network="mse 2")
    # One step of Adam moves no weight by more than its rate, so the 16 x 16 matrix by 16 rates; another start by ~ 4.
    assert 0 < updates.max() <= 16 * 1e-3 * 1.01


def test_blocks_of_convolutions_are_factors(smoke):
    fields = {"channels": (4,), "blocks": ("conv_0", "trunk_0"), "replacement": "teacher"}
    config = replace(sharing.Config.smoke(), **fields).resolve()
    found = simulate_sharing(config, (0, 1))["accuracy"]
    assert found.dims == ("member", "conv_0", "trunk_0")
    assert len(np.unique(found.sel(member=0))) > 1


@pytest.mark.parametrize("name", ["decoding", "prediction"])
def test_experiments_on_one_trunk_take_convolutions(name):
    experiment = registry.experiment(name)
    config = replace(experiment.Config.smoke(), channels=(4,), members=1).resolve()
    result = experiment.simulate(config, (0,))
    assert not result["diverged"].any()
    if name == "decoding":
        assert result["block"].values.tolist() == ["conv_0", "trunk_0", "trunk_1", "class_head", "aux_head"]
        own = result["graft_accuracy"].sel(body="teacher", head="reference")
        np.testing.assert_allclose(result["whole_accuracy"].sel(network="teacher"), own.item(), atol=1.5 / 355)


def test_trunks_are_swept_and_none_is_no_layer():
    experiment = registry.experiment("transfer")
    grid, _ = sweeps.read(experiment, ["channels=none,8+16", "student_depth=1,2"], [])
    planned = sweeps.plan("transfer", grid, dataset="digits")
    assert [trunks(config) for config in planned.configs] == [
        (channels, 256, 2, channels, 256, depth) for channels in ((), (8, 16)) for depth in (1, 2)
    ]
    _, points = sweeps.read(experiment, [], ["channels=8,student_channels=none,student_width=64+256"])
    assert points == [{"channels": (8,), "student_channels": (), "student_width": (64, 256)}]


def test_the_command_line_says_no_convolutions_by_naming_none(monkeypatch, capsys):
    seen = []

    def stop(experiment, config, execution):
        seen.append(config)
        raise UsageError("far enough")

    monkeypatch.setattr("sottovoce.cli.main.run_config", stop)
    with pytest.raises(SystemExit):
        main(["run", "transfer", "--channels", "8", "16", "--student-channels", "--student-width", "64", "256"])
    (config,) = seen
    assert (config.channels, config.student_channels, config.student_width) == ((8, 16), (), (64, 256))
    assert (config.student_depth, transfer.Config().student_channels) == (None, None)
    assert "far enough" in capsys.readouterr().err
