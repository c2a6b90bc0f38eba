"""Named arrays as networks: every rule of names and shapes, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from sottovoce.errors import UsageError
from sottovoce.interop import networks
from sottovoce.networks.initialization import Architecture, initialize

X = jnp.asarray(np.random.default_rng(1).standard_normal((20, 7)), jnp.float32)


def draw(n_aux=3, widths=(9, 5)):
    return initialize(Architecture(7, widths, 4, n_aux, scheme="uniform"), jax.random.key(0))


def renamed(network, names):
    """Return a network's arrays with both heads side by side, as a single last layer, under other names."""
    layers = [*network.trunk, network.heads()]
    return {
        f"{name}.{part}": np.asarray(getattr(layer, part))
        for name, layer in zip(names, layers, strict=True)
        for part in ("weight", "bias")
    }


def equal(network, other):
    return jax.tree.structure(network) == jax.tree.structure(other) and all(
        np.array_equal(a, b) for a, b in zip(jax.tree.leaves(network), jax.tree.leaves(other), strict=True)
    )


@pytest.mark.parametrize("n_aux", [0, 3])
def test_our_own_names_make_the_same_network_again_in_any_order_of_the_heads(n_aux):
    network = draw(n_aux)
    arrays = networks.named_arrays(network)
    assert list(arrays)[:4] == ["trunk.0.weight", "trunk.0.bias", "trunk.1.weight", "trunk.1.bias"]
    assert equal(networks.network_from(arrays, n_class=4), network)
    heads_first = {name: arrays[name] for name in sorted(arrays)}
    assert next(iter(heads_first)).startswith("aux_head")
    assert equal(networks.network_from(heads_first, n_class=4), network)


@pytest.mark.parametrize("names", [("0", "2", "4"), ("fc1", "fc2", "out"), ("body.hidden", "body.last", "a_head")])
def test_the_last_of_other_names_is_the_head_and_is_split(names):
    network = draw()
    assert equal(networks.network_from(renamed(network, names), n_class=4), network)


def test_heads_can_be_named_and_a_missing_bias_is_zero():
    network = draw()
    arrays = networks.named_arrays(network)
    other = {n.replace("class_head", "labels").replace("aux_head", "rest"): a for n, a in arrays.items()}
    found = networks.network_from(other, n_class=4, class_head="labels", aux_head="rest", activation="tanh")
    assert found.activation == "tanh"
    assert equal(found.trunk, network.trunk)
    assert equal(found.class_head, network.class_head)
    assert equal(found.aux_head, network.aux_head)
    del other["trunk.0.bias"]
    found = networks.network_from(other, n_class=4, class_head="labels", aux_head="rest")
    np.testing.assert_array_equal(found.trunk[0].bias, 0)


def test_files_of_any_kind_give_one_network(tmp_path):
    # Twelve layers: by letters, layer 10 would come before layer 2. All square, so shapes alone would not tell.
    network = draw(widths=(7,) * 12)
    arrays = renamed(network, [str(2 * i) for i in range(13)])
    np.savez(tmp_path / "n.npz", allow_pickle=False, **arrays)
    save_file(arrays, tmp_path / "n.safetensors")
    turned = {name: np.ascontiguousarray(a.T) for name, a in arrays.items()}
    np.savez(tmp_path / "turned.npz", allow_pickle=False, **turned)
    for name, orientation in (("n.npz", None), ("n.safetensors", None), ("turned.npz", "output_input")):
        found = networks.read_network(tmp_path / name, n_class=4, orientation=orientation)
        assert equal(found, network), name
    # Read the wrong way round, square layers chain all the same; the head of 7 logits does not.
    assert not equal(networks.read_network(tmp_path / "turned.npz", n_class=4), network)


def changed(**changes):
    arrays = networks.named_arrays(draw())
    for name, array in changes.items():
        arrays[name] = array
    return {name: array for name, array in arrays.items() if array is not None}


@pytest.mark.parametrize(
    ("arrays", "settings", "words"),
    [
        (changed(**{"trunk.0.weight": np.zeros((8, 3, 3, 3))}), {}, r"'trunk.0.weight' has shape \(8, 3, 3, 3\).*only"),
        (changed(**{"norm.running_mean": np.zeros(9)}), {}, r"'norm.running_mean' has shape \(9,\)"),
        (changed(W1=np.zeros((7, 9))), {}, "array 'W1'.*NAME.weight"),
        (changed(**{"trunk.0.weight": np.full((7, 9), np.nan)}), {}, "'trunk.0.weight' contains NaN"),
        (changed(**{"trunk.0.bias": np.zeros(7)}), {}, r"weight \(7, 9\).*bias \(7,\).*orientation"),
        (changed(**{"trunk.1.weight": np.zeros((8, 5))}), {}, "'trunk.0' writes 9 units and layer 'trunk.1' reads 8"),
        (changed(**{"aux_head.weight": np.zeros((6, 3))}), {}, "writes 5 units and layer 'aux_head' reads 6"),
        (changed(), {"class_head": "clas_head"}, "class_head is 'clas_head'.*did you mean 'class_head'"),
        (changed(), {"aux_head": "axu_head"}, "did you mean 'aux_head'"),
        (changed(), {"activation": "rleu"}, "did you mean 'relu'"),
        (changed(), {"n_class": 5}, "'class_head' has 4 outputs; allowed: 5, one for each class"),
        (changed(), {"n_class": 3}, "'class_head' has 4 outputs; allowed: 3, one for each class"),
        (renamed(draw(), "abc"), {"n_class": 8}, "'c' has 7 outputs; allowed: 8 or more"),
        ({"a.weight": np.zeros((7, 4))}, {}, "layers are a; allowed: one hidden layer or more"),
        ({"a.weight": np.zeros((7, 4)), "b.weight": np.zeros((4, 4))}, {"class_head": "b", "aux_head": "b"}, "allowed"),
        ({}, {}, "there are no layers"),
    ],
)
def test_what_is_no_perceptron_is_refused_with_the_reason(arrays, settings, words):
    with pytest.raises(UsageError, match=words):
        networks.network_from(arrays, **{"n_class": 4, **settings})


def test_convolutions_have_no_named_arrays():
    network = initialize(Architecture(64, (9,), 4, 3, channels=(2, 3)), jax.random.key(0))
    with pytest.raises(UsageError, match="the network has 2 convolutions; allowed: none"):
        networks.named_arrays(network)
