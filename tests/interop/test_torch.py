"""Networks as PyTorch modules and back, and a stranger's modules as functions of arrays."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sottovoce.errors import UsageError
from sottovoce.experiments.decoding.bodies import read
from sottovoce.measure import heads, similarity
from sottovoce.networks.initialization import Architecture, initialize
from sottovoce.parts import ACTIVATIONS

torch = pytest.importorskip("torch", reason="PyTorch is an extra")

from torch import nn  # noqa: E402

from sottovoce.interop import checkpoints, networks  # noqa: E402
from sottovoce.interop import torch as interop  # noqa: E402

X = np.random.default_rng(1).standard_normal((50, 64)).astype(np.float32)


def draw(activation="relu", n_aux=3, **settings):
    architecture = Architecture(64, (32, 24), 10, n_aux, activation, "uniform", **settings)
    return initialize(architecture, jax.random.key(2))


def equal(network, other):
    return jax.tree.structure(network) == jax.tree.structure(other) and all(
        np.array_equal(a, b) for a, b in zip(jax.tree.leaves(network), jax.tree.leaves(other), strict=True)
    )


def relative(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


def test_every_activation_has_its_module():
    assert set(interop.ACTIVATIONS) == set(ACTIVATIONS)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_module_gives_the_networks_outputs_and_the_network_again(activation):
    network = draw(activation)
    module = interop.to_torch(network)
    # Sums of at most 64 products in another order, three layers deep: some sqrt(64) eps = 5e-7.
    assert relative(interop.as_function(module)(X), np.asarray(network(jnp.asarray(X)))) < 1e-6
    hidden = module.hidden(torch.from_numpy(X)).detach().numpy()
    assert relative(hidden, np.asarray(network.hidden(jnp.asarray(X)))) < 1e-6
    assert equal(interop.from_torch(module, n_class=10, activation=activation), network)
    assert equal(interop.from_torch(module.state_dict(), n_class=10, activation=activation), network)


def test_the_state_dict_goes_through_a_file_and_into_another_module(tmp_path):
    network = draw()
    torch.save(interop.to_torch(network).state_dict(), tmp_path / "n.pt")
    assert equal(networks.read_network(tmp_path / "n.pt", n_class=10), network)
    other = interop.to_torch(initialize(Architecture(64, (32, 24), 10, 3), jax.random.key(9)))
    other.load_state_dict(torch.load(tmp_path / "n.pt", weights_only=True))
    assert equal(interop.from_torch(other, n_class=10), network)
    assert list(checkpoints.read(tmp_path / "n.pt")) == list(networks.named_arrays(network))


def test_a_module_can_be_trained_and_neither_side_sees_the_others_changes():
    network = draw()
    before = [np.array(leaf) for leaf in jax.tree.leaves(network)]
    module = interop.to_torch(network)
    back = interop.from_torch(module, n_class=10)
    module(torch.from_numpy(X)).square().sum().backward()
    torch.optim.SGD(module.parameters(), 0.1).step()
    moved = interop.from_torch(module, n_class=10)
    for kept, old, copy, new in zip(*map(jax.tree.leaves, (network, before, back, moved)), strict=True):
        np.testing.assert_array_equal(kept, old)
        np.testing.assert_array_equal(copy, old)
        assert not np.array_equal(new, old)


def test_the_users_random_state_is_left_alone():
    state = torch.get_rng_state()
    interop.from_torch(interop.to_torch(draw()), n_class=10)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_head_without_auxiliary_logits():
    network = draw(n_aux=0)
    assert equal(interop.from_torch(interop.to_torch(network), n_class=10), network)


def test_other_precisions_are_refused():
    with pytest.raises(UsageError, match="precision is bfloat16; allowed: float32"):
        interop.to_torch(draw(precision="bfloat16"))


class TwoHeads(nn.Module):
    def __init__(self, skip=False):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU())
        self.drop = nn.Dropout(0.5)
        self.labels, self.rest = nn.Linear(16, 10), nn.Linear(16, 3)
        self.skip = skip

    def forward(self, x):
        h = self.body(x)
        h = self.drop(h + h if self.skip else h)
        return self.labels(h), self.rest(h)


def test_a_strangers_module_becomes_a_network_and_keeps_its_mode():
    torch.manual_seed(0)
    module = TwoHeads()
    module.labels.train(False)
    network = interop.from_torch(module, n_class=10, class_head="labels", aux_head="rest")
    assert relative(np.asarray(network(jnp.asarray(X))), interop.as_function(module)(X)) < 1e-6
    assert (module.training, module.drop.training, module.labels.training) == (True, True, False)


def sequential(activation, width=16):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, width), activation, nn.Linear(width, 13))


@pytest.mark.parametrize(
    ("module", "settings", "words"),
    [
        (TwoHeads(skip=True), {"class_head": "labels", "aux_head": "rest"}, "outputs differ by"),
        (TwoHeads(), {"class_head": "rest", "aux_head": "labels"}, "'rest' has 3 outputs"),
        (sequential(nn.Tanh()), {}, "with activation relu"),
        (sequential(nn.GELU()), {"activation": "gelu"}, "with activation gelu"),
        (
            nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 13)),
            {},
            r"shape \(2, 1, 3, 3\).*only networks",
        ),
        (sequential(nn.BatchNorm1d(16)), {}, r"'1.weight' has shape \(16,\)"),
    ],
)
def test_what_is_no_perceptron_is_not_taken_for_one(module, settings, words):
    with pytest.raises(UsageError, match=words):
        interop.from_torch(module, **{"n_class": 10, **settings})


def test_the_approximate_gelu_is_ours():
    module = sequential(nn.GELU(approximate="tanh"))
    network = interop.from_torch(module, n_class=10, activation="gelu")
    assert relative(np.asarray(network(jnp.asarray(X))), interop.as_function(module)(X)) < 1e-6


def test_features_are_what_the_layer_gives_in_evaluation_and_in_blocks():
    module = TwoHeads()
    many = np.random.default_rng(0).standard_normal((2 * interop.ROWS_AT_ONCE + 3, 64)).astype(np.float32)
    by_hand = many
    for layer in (module.body[1], module.body[3]):
        W, b = (p.detach().numpy() for p in (layer.weight, layer.bias))
        by_hand = np.maximum(by_hand @ W.T + b, 0)
    for name in ("body", "body.4", "drop"):
        found = interop.features(module, name, many)
        assert relative(found, by_hand) < 1e-6, name
        assert module.training
    assert not any(sub._forward_hooks for sub in module.modules())


def test_features_of_images_are_flattened_and_doubles_stay_doubles():
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2)).double()
    found = interop.features(module, "1", X.reshape(50, 1, 8, 8))
    assert found.shape == (50, 144)
    assert found.dtype == np.float64


def test_layers_that_are_unknown_or_do_not_run_once_are_refused():
    with pytest.raises(UsageError, match=r"layer is 'bdy'.*did you mean 'body'"):
        interop.features(TwoHeads(), "bdy", X)
    shared = nn.ReLU()
    twice = nn.Sequential(nn.Linear(64, 8), shared, nn.Linear(8, 8), shared)
    with pytest.raises(UsageError, match="layer '1' runs 2 times; allowed: once"):
        interop.features(twice, "1", X)
    assert not shared._forward_hooks


def test_a_pair_of_modules_is_measured_as_the_pair_of_networks_is():
    """Grafts and CKA by hooks and functions equal those by our own networks."""
    pair = [draw(), initialize(Architecture(64, (32, 24), 10, 3), jax.random.key(5))]
    labels = np.random.default_rng(3).integers(0, 10, 50)
    modules = [interop.to_torch(network) for network in pair]
    ours = [np.asarray(network.hidden(jnp.asarray(X))) for network in pair]
    theirs = [
        np.maximum(interop.features(module, "trunk.1", X), 0)  # the last hidden layer before its ReLU
        for module in modules
    ]
    assert similarity.linear_cka(*theirs) == pytest.approx(similarity.linear_cka(*ours), abs=1e-6)
    by_functions = heads.graft_accuracy(theirs, [interop.as_function(m.class_head) for m in modules], labels)
    by_networks = heads.graft_accuracy(ours, [partial(read, network.class_head) for network in pair], labels)
    # One of 50 samples may be a near tie that rounding decides.
    np.testing.assert_allclose(by_functions, by_networks, atol=1.5 / 50)
