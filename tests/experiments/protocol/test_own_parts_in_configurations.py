"""Own parts in configurations: what they change of an identity, what is refused with them, where they are named."""

import json
import logging
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sottovoce as sv
from sottovoce import parts
from sottovoce.cli.main import main
from sottovoce.errors import UsageError
from sottovoce.experiments.inputs import experiment as inputs
from sottovoce.experiments.protocol.program import member_program
from sottovoce.experiments.sharing import experiment as sharing
from sottovoce.experiments.transfer import experiment as transfer
from sottovoce.lab import registry
from sottovoce.lab.fields import own_parts as parts_of
from sottovoce.runs.identity import plain, run_header
from sottovoce.training.students import Student

pytestmark = pytest.mark.usefixtures("own_parts", "registered")
SMALL = transfer.Config.smoke()
ANY_NETWORK, PERCEPTRONS = ("transfer", "sharing", "alignment"), ("decoding", "spectrum", "prediction")


class Flat(eqx.Module):
    """A linear network, which has no width; its body is one block, and its heads two."""

    body: eqx.nn.Linear
    class_head: eqx.nn.Linear
    aux_head: eqx.nn.Linear

    def __init__(self, key, n_inputs, n_class, n_aux, activation="relu"):
        keys = jax.random.split(key, 3)
        self.body = eqx.nn.Linear(n_inputs, 8, key=keys[0])
        self.class_head = eqx.nn.Linear(8, n_class, key=keys[1])
        self.aux_head = eqx.nn.Linear(8, n_aux, key=keys[2])

    def class_logits(self, x):
        return jax.vmap(lambda one: self.class_head(self.body(one)))(x)

    def aux_logits(self, x):
        return jax.vmap(lambda one: self.aux_head(self.body(one)))(x)


def distance(student, teacher, mask, temperature):
    return jnp.sum(jnp.where(mask, (student - teacher) ** 2, 0.0), axis=1) / jnp.sum(mask) + 0.0 * temperature


def centered(student, teacher, mask, temperature):
    change = jnp.where(mask, student - teacher, 0.0)
    return distance(change, jnp.sum(change, axis=1, keepdims=True) / jnp.sum(mask), mask, temperature)


def negatives(source):
    return lambda _key, i: -source.image(i)


def gray(source):
    return lambda key, _i: jnp.full((source.n_pixel,), jax.random.uniform(key))


@pytest.fixture
def registered():
    parts.register_network("flat")(Flat)
    parts.register_objective("distance")(distance)
    parts.register_objective("centered")(centered)
    parts.register_inputs("negatives")(negatives)
    parts.register_inputs("gray")(gray)


def identity(experiment, config):
    return run_header(experiment.name, experiment.version, config.resolve())["identity"]


@pytest.mark.parametrize("name", ANY_NETWORK + PERCEPTRONS)
def test_the_perceptron_is_no_part_of_an_identity_and_another_network_is(name):
    experiment = registry.experiment(name)
    config = experiment.Config.smoke().resolve()
    assert "network" not in plain(config)
    # As it was before the field: the identity is that of the fields without it.
    described = {field: value for field, value in plain(config).items() if field != "members"}
    assert run_header(name, experiment.version, described)["identity"] == identity(experiment, config)
    if name in ANY_NETWORK:
        settings = {"blocks": ("body",)} if name == "sharing" else {}
        other = replace(experiment.Config.smoke(), network="flat", width=256, **settings)
        assert plain(other.resolve())["network"] == "flat"
        assert identity(experiment, other) != identity(experiment, replace(other, network="mlp", **_blocks(name)))


def _blocks(name):
    return {"blocks": ("trunk_0",)} if name == "sharing" else {}


def flat(**settings):
    return replace(SMALL, **{"network": "flat", "width": 256} | settings).resolve()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"width": 16}, "width is 16 with network flat, which takes activation"),
        ({"depth": 3}, "depth is 3 with network flat, which takes activation"),
        ({"channels": (4,)}, "channels is (4,) with network flat"),
        ({"student_width": 16}, "student_width is 16 with network flat"),
        ({"student_depth": 1}, "student_depth is 1 with network flat"),
        ({"initialization": "orthogonal"}, "initialization is 'orthogonal' with network flat"),
        ({"orthonormal_heads": True}, "orthonormal_heads is True with network flat"),
        ({"precision": "bfloat16"}, "precision is 'bfloat16' with network flat"),
        ({"network": "falt"}, "network is 'falt'; allowed: mlp, flat; did you mean 'flat'?"),
        ({"n_aux": 4, "n_aux_built": 3}, "n_aux is 4; allowed: at most n_aux_built, which is 3"),
        ({"objective": "centered", "n_aux": 1}, "centered sees differences of logits only, so the gradient is exactly"),
        ({"objective": "wrong"}, "objective is 'wrong'; allowed: kl, mse, centered_mse, hard, distance, centered"),
        ({"inputs": "negatives", "n_inputs": 2000}, "allowed with inputs=negatives: 1 to 1442"),
        ({"inputs": "negatives", "fresh_inputs": True}, "fresh_inputs is True with inputs=negatives, which holds no"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(settings, said):
    with pytest.raises(UsageError) as caught:
        flat(**settings)
    assert said in str(caught.value)


def test_what_fits_is_taken():
    assert flat(activation="tanh", inputs="gray", fresh_inputs=True, objective="centered", n_aux=2)
    assert flat(objective="distance", n_aux=1, n_aux_built=3).n_aux_built == 3
    # Made of images: unset, there are as many inputs as images.
    assert flat(inputs="negatives", n_inputs=None).n_inputs == 1442


@pytest.mark.parametrize("name", PERCEPTRONS)
def test_experiments_on_layers_need_perceptrons_and_say_why(name):
    config = replace(registry.experiment(name).Config.smoke(), network="flat", width=256)
    with pytest.raises(UsageError, match=r"network is 'flat'; allowed: mlp, for (\w+ ){5}"):
        config.resolve()


def test_widths_given_as_a_list_are_a_setting_of_the_network():
    class Wide(Flat):
        def __init__(self, key, n_inputs, n_class, n_aux, width):
            super().__init__(key, n_inputs, n_class, n_aux)
            assert len(width) == 2

    parts.register_network("wide")(Wide)
    config = transfer.Config(dataset="digits", network="wide", width=[8, 8]).resolve()  # pyright: ignore[reportArgumentType]
    assert config.own_architecture().settings == (("width", (8, 8)),)


def test_a_program_has_the_objectives_of_its_students_alone():
    def of(name):
        config = replace(SMALL, objective=name).resolve()
        return member_program(config, (Student("student", name, 3),), n_aux=3)

    built_in = tuple(parts.OBJECTIVES[name] for name in parts.OBJECTIVES.built_in)
    assert of("mse").protocol.objectives == built_in
    assert of("centered").protocol.objectives == (*built_in, centered)
    assert of("centered").traced.students.objectives.tolist() == [4]

    # Even one that cannot be traced leaves programs without it as they are.
    @parts.register_objective("broken")
    def broken(*_of):
        raise ZeroDivisionError

    assert of("mse").protocol.objectives == built_in
    assert transfer.simulate(replace(SMALL, n_inputs=64, teacher_epochs=1).resolve(), (0,)).sizes["member"] == 1


def test_an_own_objective_with_the_formula_of_a_built_in_one_gives_its_students():
    few = replace(SMALL, n_inputs=64, teacher_epochs=1)
    own, built_in = (transfer.simulate(replace(few, objective=n).resolve(), (0,)) for n in ("distance", "mse"))
    np.testing.assert_allclose(own["final_loss"], built_in["final_loss"], rtol=1e-5)
    np.testing.assert_allclose(own["accuracy"], built_in["accuracy"], atol=2.5 / 355)


def test_a_sweep_mixes_own_and_built_in_parts(tmp_path):
    execution = sv.Execution(out=tmp_path, quiet=True)
    settings = {"dataset": "digits", "members": 2, "teacher_epochs": 1, "student_epochs": 1, "n_inputs": 64}
    points = [
        {"network": "mlp", "objective": "mse"},
        {"network": "flat", "objective": "mse"},
        {"network": "flat", "objective": "distance"},
    ]
    swept = sv.sweep("transfer", points=points, execution=execution, **settings)
    assert swept["network"].values.tolist() == ["mlp", "flat", "flat"]
    perceptron, of_mse, of_distance = swept["final_loss"]
    np.testing.assert_allclose(of_distance, of_mse, rtol=1e-4)
    assert (abs(perceptron - of_mse) > 1e-6).any()
    assert not sv.table(swept).empty


def test_blocks_of_an_own_network_are_shared_and_frozen():
    config = replace(sharing.Config.smoke(), network="flat", width=256, blocks=("body", "aux_head"), frozen=("body",))
    assert config.resolve().n_students() == 4
    with pytest.raises(UsageError, match="blocks is 'trunk_0'; allowed: body, class_head, aux_head"):
        replace(config, blocks=("trunk_0",)).resolve()
    with pytest.raises(UsageError, match="allowed: fewer blocks, or distillation has nothing to train"):
        replace(config, frozen=("body", "aux_head")).resolve()


def test_own_inputs_are_measured_and_drawn_beside_the_built_in_ones(tmp_path):
    execution = sv.Execution(out=tmp_path, quiet=True)
    result = sv.run("inputs", execution=execution, dataset="digits", kinds=("images", "negatives", "gray"), members=2)
    mean = result["mean"]
    # The images lie in [-1, 1], symmetric about zero.
    np.testing.assert_allclose(mean.sel(kind="negatives"), -mean.sel(kind="images"), rtol=1e-6)
    np.testing.assert_allclose(result["share"].sel(kind="gray"), 1.0, rtol=1e-6)
    assert sv.plot(result).axes
    assert not sv.table(result).empty
    with pytest.raises(UsageError, match="allowed with inputs=negatives: 1 to 1442"):
        inputs.Config(dataset="digits", kinds=("negatives",), n_inputs=2000).resolve()


def test_parts_of_a_configuration_are_found_and_their_sources_saved(tmp_path, caplog, monkeypatch):
    settings = {"objective": "distance", "inputs": "gray", "network": "flat", "width": 256}
    config = replace(SMALL, **settings, n_inputs=64, teacher_epochs=1)
    assert {(part.kind, part.name) for part in parts_of(config.resolve())} == {
        ("objective", "distance"), ("inputs", "gray"), ("network", "flat"),
    }  # fmt: skip
    assert parts_of(SMALL.resolve()) == []

    def run() -> list[str]:
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            sv.run("transfer", execution=sv.Execution(out=tmp_path, quiet=True), **sv.lab.checks.given(config))
        return caplog.messages

    assert run() == run() == []
    (described,) = tmp_path.glob("runs/transfer-*/chunks/*.json")
    assert set(json.loads(described.read_text())["sources"]) == {"objective distance", "inputs gray", "network flat"}
    for vocabulary in parts.OPEN.values():
        changed = {name: replace(part, digest=name) for name, part in vocabulary._own.items()}
        monkeypatch.setattr(vocabulary, "_own", changed)
    assert [message.partition("of ")[2] for message in run()] == [
        f"{what}; give it another name where values change"
        for what in ("network flat", "inputs gray", "objective distance")
    ]


def test_the_command_line_names_own_parts_among_those_allowed(capsys):
    with pytest.raises(SystemExit):
        main(["run", "transfer", "--dataset", "digits", "--objective", "wrong"])
    assert "allowed: kl, mse, centered_mse, hard, distance, centered" in capsys.readouterr().err
