"""What the protocol demands of own parts: each way to break a contract is refused by name, and what is right passes."""

import re
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sottovoce import parts
from sottovoce.data.facts import OF_IMAGES
from sottovoce.errors import UsageError
from sottovoce.experiments.protocol.contracts import (
    check_intervention,
    check_network,
    input_traits,
    sees_differences_only,
)
from sottovoce.experiments.protocol.inputs import UNCHANGING
from sottovoce.experiments.protocol.objectives import BLIND_TO_SHIFT, N_LOGITS
from sottovoce.networks.initialization import Architecture
from sottovoce.networks.own import OwnArchitecture, taken

N_PIXEL = 16
ELSEWHERE = np.random.default_rng(0)
"""A generator that no key determines."""


def refused(*said: str):
    """Expect a refusal that says all of these words, in this order."""
    return pytest.raises(UsageError, match=".*".join(map(re.escape, said)))


def absolute(student, teacher, mask, temperature):
    return jnp.sum(jnp.where(mask, abs(student - teacher), 0.0), axis=1) * temperature


def failing(*_arguments, **_named):
    raise ZeroDivisionError("nothing to divide\nby")


OBJECTIVES = {
    "one number for all samples": (
        lambda student, teacher, mask, temperature: jnp.mean(absolute(student, teacher, mask, temperature)),
        "returns an array of shape () and type float32; allowed: a value for each sample, of shape (6,)",
    ),
    "a value for each logit": (
        lambda student, teacher, mask, temperature: jnp.where(mask, student - teacher, 0.0),
        "returns an array of shape (6, 13) and type float32; allowed: a value for each sample",
    ),
    "half precision": (
        lambda *of: absolute(*of).astype(jnp.float16),
        "returns an array of shape (6,) and type float16; allowed:",
    ),
    "whole numbers": (lambda *of: absolute(*of).astype(int), "returns an array of shape (6,) and type int32; allowed:"),
    "no array": (lambda *_of: 3.0, "returns 3.0; allowed: a value for each sample"),
    "nothing": (lambda *_of: None, "returns None; allowed: a value for each sample"),
    "numbers of NumPy": (
        lambda *of: absolute(*of) + ELSEWHERE.random(),
        "gives two results for one key; allowed: random numbers from the key alone",
    ),
    "an array of random numbers of NumPy": (
        lambda *_of: ELSEWHERE.random(6).astype(np.float32),
        "gives two results for one key",
    ),
    "an error": (failing, "fails on a trial: ZeroDivisionError: nothing to divide"),
    "fewer arguments": (lambda student, teacher: student, "fails on a trial: TypeError:"),
    "logits outside the mask": (
        lambda student, teacher, _mask, _temperature: jnp.sum((student - teacher) ** 2, axis=1),
        "depends on logits outside the mask; allowed: on those of the mask alone",
    ),
    "teacher's logits outside the mask": (
        lambda student, teacher, mask, temperature: (
            absolute(student, teacher, mask, temperature) * jnp.mean(teacher, axis=1) ** 2
        ),
        "depends on logits outside the mask",
    ),
    "other samples": (
        lambda *of: absolute(*of) - jnp.mean(absolute(*of)),
        "has for a sample depends on other samples; allowed: on its own alone",
    ),
    "an infinite gradient": (
        lambda student, teacher, mask, temperature: jnp.sqrt(
            jnp.sum(jnp.where(mask, jnp.maximum(student - teacher, 100.0) - 100.0, 0.0), axis=1)
        ),
        "the gradient of objective wrong is not finite on a trial",
    ),
    "values that are no numbers": (
        lambda *of: absolute(*of) * jnp.nan,
        "what objective wrong returns is not finite on a trial",
    ),
    "a branch on values": (
        lambda *of: absolute(*of) if float(absolute(*of)[0]) > 0 else 2 * absolute(*of),
        "fails on a trial: ConcretizationTypeError",
    ),
}


@pytest.mark.parametrize("case", OBJECTIVES)
def test_an_objective_that_breaks_the_contract_is_refused(case):
    function, said = OBJECTIVES[case]
    with refused("objective wrong" if "objective" not in said else "", said):
        sees_differences_only("wrong", function, N_LOGITS)


@pytest.mark.parametrize("name", parts.OBJECTIVES.built_in)
def test_the_trial_finds_which_built_in_objectives_see_differences_only(name):
    assert sees_differences_only(name, parts.OBJECTIVES[name], N_LOGITS) == (name in BLIND_TO_SHIFT)


def test_a_right_objective_passes():
    assert not sees_differences_only("absolute", absolute, N_LOGITS)


def noise(source):
    return lambda key, _i: jax.random.normal(key, (source.n_pixel,))


def shifted(row, shift, key, i):
    return row(key, i) + shift


INPUTS = {
    "rows instead of a function": (
        lambda source: jnp.zeros((6, source.n_pixel)),
        "allowed: a function of a key and a row's index",
    ),
    "nothing": (lambda _source: None, "returns None; allowed: a function of a key and a row's index"),
    "too few pixels": (
        lambda _source: lambda key, _i: jax.random.normal(key, (15,)),
        "returns an array of shape (15,) and type float32; allowed: one input, of shape (16,)",
    ),
    "an image": (
        lambda _source: lambda key, _i: jax.random.normal(key, (4, 4)),
        "returns an array of shape (4, 4) and type float32; allowed: one input",
    ),
    "bits": (
        lambda source: lambda key, _i: jax.random.bernoulli(key, shape=(source.n_pixel,)),
        "returns an array of shape (16,) and type bool; allowed: one input",
    ),
    "half precision": (
        lambda source: lambda key, i: noise(source)(key, i).astype(jnp.float16),
        "type float16; allowed: one input",
    ),
    "no array": (lambda source: lambda _key, _i: [0.0] * source.n_pixel, "returns [0.0, 0.0"),
    "numbers of NumPy": (
        lambda source: lambda key, i: noise(source)(key, i) + ELSEWHERE.random(),
        "gives two results for one key",
    ),
    "shared numbers of NumPy": (
        lambda source: partial(shifted, noise(source), ELSEWHERE.random()),
        "gives two results for one key",
    ),
    "an error": (failing, "fails on a trial: ZeroDivisionError: nothing to divide"),
    "an error in a row": (lambda _source: failing, "fails on a trial: ZeroDivisionError"),
    "a function of the key alone": (lambda source: lambda key: noise(source)(key, 0), "fails on a trial: TypeError"),
    "a branch on the index": (
        lambda source: lambda key, i: noise(source)(key, i) * (1.0 if i == 3 else 2.0),
        "fails on a trial: TracerBoolConversionError",
    ),
    "no numbers": (lambda source: lambda _key, _i: jnp.full(source.n_pixel, jnp.inf), "is not finite on a trial"),
}


@pytest.mark.parametrize("case", INPUTS)
def test_inputs_that_break_the_contract_are_refused(case):
    function, said = INPUTS[case]
    with refused("inputs wrong", said):
        input_traits("wrong", function, N_PIXEL)


@pytest.mark.parametrize("name", parts.INPUTS.built_in)
def test_the_trial_finds_what_built_in_inputs_are_made_of(name):
    assert input_traits(name, parts.INPUTS[name], N_PIXEL) == (name in OF_IMAGES, name in UNCHANGING)


def test_right_inputs_pass():
    assert input_traits("noise", noise, N_PIXEL) == (False, False)


class Net(eqx.Module):
    """A network of two affine maps, of which tests break one thing each."""

    class_head: eqx.nn.Linear
    aux_head: eqx.nn.Linear

    def __init__(self, key, n_inputs, n_class, n_aux):
        keys = jax.random.split(key)
        self.class_head = eqx.nn.Linear(n_inputs, n_class, key=keys[0])
        self.aux_head = eqx.nn.Linear(n_inputs, n_aux, key=keys[1])

    def class_logits(self, x):
        return jax.vmap(self.class_head)(x)

    def aux_logits(self, x):
        return jax.vmap(self.aux_head)(x)


class WithMore(Net):
    """A network with one more field."""

    more: object

    def __init__(self, key, n_inputs, n_class, n_aux, more):
        super().__init__(key, n_inputs, n_class, n_aux)
        self.more = more


def with_more(value):
    return lambda key, n_inputs, n_class, n_aux: WithMore(key, n_inputs, n_class, n_aux, value(key))


def with_method(name, function):
    return type("Wrong", (Net,), {name: function})


class NoAux(eqx.Module):
    """A network without auxiliary logits."""

    head: eqx.nn.Linear

    def __init__(self, key, n_inputs, n_class, n_aux):
        self.head = eqx.nn.Linear(n_inputs, n_class + n_aux, key=key)

    def class_logits(self, x):
        return jax.vmap(self.head)(x)


def plain(key, n_inputs, n_class, n_aux):
    """Return what is no module of equinox, though it has both methods."""
    made = Net(key, n_inputs, n_class, n_aux)
    return type("Plain", (), {"class_logits": made.class_logits, "aux_logits": made.aux_logits})()


NETWORKS = {
    "no module": (plain, "allowed: an equinox.Module with class_logits and aux_logits"),
    "no auxiliary logits": (NoAux, "allowed: an equinox.Module with class_logits and aux_logits"),
    "nothing": (lambda key, n_inputs, n_class, n_aux: None, "is None; allowed: an equinox.Module"),
    "an error": (lambda key, n_inputs, n_class, n_aux: failing(), "fails on a trial: ZeroDivisionError"),
    "counts": (with_more(lambda _key: jnp.arange(3)), "has an array of jax of type int32; allowed: arrays of jax"),
    "half precision": (with_more(lambda _key: jnp.ones(3, jnp.float16)), "has an array of jax of type float16"),
    "a key": (with_more(lambda key: key), "has an array of jax of type key<fry>"),
    "an array of NumPy": (with_more(lambda _key: np.ones(3, np.float32)), "has an array of NumPy of type float32"),
    "numbers of NumPy": (
        with_more(lambda _key: jnp.asarray(ELSEWHERE.random(3), jnp.float32)),
        "gives two results for one key",
    ),
    "the same for every key": (
        lambda key, n_inputs, n_class, n_aux: Net(jax.random.key(0), n_inputs, n_class, n_aux),
        "is the same for every key; allowed: an initialization drawn from the key",
    ),
    "a branch on the drawn numbers": (
        with_more(lambda key: jnp.ones(3) if float(jax.random.uniform(key)) < 2 else jnp.zeros(3)),
        "fails on a trial: ConcretizationTypeError",
    ),
    "one class too many": (
        with_method("class_logits", lambda self, x: jnp.pad(jax.vmap(self.class_head)(x), ((0, 0), (0, 1)))),
        "class_logits returns an array of shape (6, 4) and type float32; allowed: a row of logits for each input, "
        "of shape (6, 3)",
    ),
    "logits of one input": (
        with_method("aux_logits", lambda self, x: self.aux_head(x[0])),
        "aux_logits returns an array of shape (2,) and type float32",
    ),
    "logits of half precision": (
        with_method("aux_logits", lambda self, x: jax.vmap(self.aux_head)(x).astype(jnp.float16)),
        "aux_logits returns an array of shape (6, 2) and type float16",
    ),
    "logits that are no array": (with_method("class_logits", lambda self, _x: self), "class_logits returns Wrong("),
    "dropout": (
        with_method("aux_logits", lambda self, x: jax.vmap(self.aux_head)(x) * ELSEWHERE.random()),
        "aux_logits gives two results for one key",
    ),
    "an error on inputs": (with_method("class_logits", failing), "class_logits fails on a trial: ZeroDivisionError"),
    "normalization over the batch": (
        with_method("class_logits", lambda self, x: jax.vmap(self.class_head)(x - jnp.mean(x, axis=0))),
        "class_logits has for an input depend on other inputs; allowed: on its own alone",
    ),
    "a branch on logits": (
        with_method("aux_logits", lambda self, x: jax.vmap(self.aux_head)(x) * (1.0 if float(x[0, 0]) < 9 else 2.0)),
        "fails on a trial: ConcretizationTypeError",
    ),
    "logits that are no numbers": (
        with_method("aux_logits", lambda self, x: jax.vmap(self.aux_head)(x) * jnp.nan),
        "aux_logits returns is not finite on a trial",
    ),
    "an infinite gradient": (
        with_method("aux_logits", lambda self, x: jnp.sqrt(jax.vmap(self.aux_head)(x) * 0.0)),
        "the gradient of network wrong is not finite on a trial",
    ),
}


def architecture(build, settings=()):
    return OwnArchitecture(build, N_PIXEL, 3, 2, settings)


@pytest.mark.parametrize("case", NETWORKS)
def test_a_network_that_breaks_the_contract_is_refused(case):
    build, said = NETWORKS[case]
    with refused("network wrong" if "network wrong" not in said else "", said):
        check_network("wrong", architecture(build))


def test_a_right_network_passes():
    check_network("net", architecture(Net))
    # Numbers of Python and functions are settings of the module, and no weights.
    check_network("net", architecture(with_more(lambda _key: (0.5, jax.nn.relu))))


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda key: key, "takes key; allowed: key, n_inputs, n_class, n_aux, and any of width, depth"),
        (lambda n_inputs, n_class, n_aux: n_inputs, "takes n_inputs, n_class, n_aux; allowed: key"),
        (lambda key, n_inputs, n_class, n_aux, dropout: key, "takes key, n_inputs, n_class, n_aux, dropout; allowed"),
    ],
)
def test_parameters_that_no_configuration_has_are_refused(build, said):
    with refused("network wrong", said):
        taken(build, "wrong")


def test_parameters_with_a_default_are_the_networks_own():
    assert taken(lambda key, n_inputs, n_class, n_aux, depth, width=8, dropout=0.0: key, "net") == ("width", "depth")


INTERVENTIONS = {
    "one array of a gradient": (
        "gradient",
        lambda gradient, _student, _key: jax.tree.leaves(gradient)[0],
        "allowed: gradient as it is given, OwnNetwork",
    ),
    "the blocks of a gradient": (
        "gradient",
        lambda gradient, _student, _key: gradient.blocks(),
        "returns dict; allowed: gradient as it is given",
    ),
    "nothing": ("step", lambda _step, _student, _key: None, "returns NoneType; allowed: step as it is given"),
    "another shape of targets": (
        "targets",
        lambda targets, _student, _key: targets[:, :3],
        "returns an array of shape (6, 3) and type float32; allowed: targets as given, of shape (6, 5)",
    ),
    "half precision": (
        "gradient",
        lambda gradient, _student, _key: jax.tree.map(lambda leaf: leaf.astype(jnp.float16), gradient),
        "type float16; allowed: gradient as given",
    ),
    "a list of targets": ("targets", lambda targets, _student, _key: targets.tolist(), "returns list; allowed"),
    "numbers of NumPy": (
        "targets",
        lambda targets, _student, _key: targets + ELSEWHERE.random(),
        "gives two results for one key",
    ),
    "an error": ("step", failing, "fails on a trial: ZeroDivisionError: nothing to divide"),
    "no key": ("step", lambda step, _student: step, "fails on a trial: TypeError"),
    "a branch on values": (
        "targets",
        lambda targets, _student, _key: targets if float(targets[0, 0]) < 9 else 2 * targets,
        "fails on a trial: ConcretizationTypeError",
    ),
}


@pytest.mark.parametrize("case", INTERVENTIONS)
def test_an_intervention_that_breaks_the_contract_is_refused(case):
    on, function, said = INTERVENTIONS[case]
    with refused("intervention wrong", said):
        check_intervention("wrong", function, on, architecture(Net))


def halved(value, _student, _key):
    return jax.tree.map(lambda leaf: leaf / 2, value)


@pytest.mark.parametrize("on", ["targets", "gradient", "step"])
@pytest.mark.parametrize("of", [architecture(Net), Architecture(N_PIXEL, (4,), 3, 2)], ids=["own", "perceptron"])
def test_a_right_intervention_passes(on, of):
    check_intervention("halved", halved, on, of)


def test_what_an_intervention_changes_is_one_of_three(own_parts):
    with refused("on is 'loss'; allowed: targets, gradient, step"):
        parts.register_intervention("wrong", on="loss")
