"""The PyTorch baselines do the work they are timed for: the protocol's networks, losses and steps."""

import jax.numpy as jnp
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is an extra")

from sottovoce.benchmarks import baselines, measure  # noqa: E402
from sottovoce.training.objectives import kl  # noqa: E402


def test_stacked_networks_are_the_plain_ones_vectorized():
    torch.manual_seed(0)
    x = torch.randn(2, 6, baselines.SIZES[0])
    plain = [baselines._network() for _ in range(2)]
    layers = [[layer for layer in network if isinstance(layer, torch.nn.Linear)] for network in plain]
    stack = []
    for first, second in zip(*layers, strict=True):
        stack += [torch.stack([first.weight.T, second.weight.T]), torch.stack([first.bias, second.bias])[:, None]]
    apart = torch.stack([network(rows) for network, rows in zip(plain, x, strict=True)])
    # Sums of 784 products of size below one, in another order.
    torch.testing.assert_close(baselines._forward(stack, x), apart, atol=1e-5, rtol=0)


def test_the_loss_is_the_protocols_mean_over_samples():
    student, teacher = np.random.default_rng(0).standard_normal((2, 7, 3)).astype(np.float32)
    ours = kl(jnp.asarray(student), jnp.asarray(teacher), jnp.ones(3, dtype=bool), jnp.asarray(1.0)).mean()
    theirs = baselines._kl(torch.from_numpy(student), torch.from_numpy(teacher))
    np.testing.assert_allclose(float(theirs), ours, rtol=1e-5)
    one = baselines._kl(torch.from_numpy(student)[None], torch.from_numpy(teacher)[None])
    np.testing.assert_allclose(float(one), ours, rtol=1e-5)


@pytest.mark.parametrize("train", [baselines.loop, baselines.stacked])
def test_a_baseline_takes_the_protocols_number_of_steps(train, monkeypatch):
    steps = []
    step = torch.optim.Adam.step
    monkeypatch.setattr(torch.optim.Adam, "step", lambda self, *a: steps.append(1) or step(self, *a))
    train(2, 1500, 3)
    networks = 2 if train is baselines.loop else 1
    # Batches of 1024 and 476, three epochs, a teacher and four students.
    assert len(steps) == networks * 5 * 3 * 2


def test_the_baselines_are_of_the_published_shape():
    assert (measure.PROTOCOL.architecture.n_inputs, *measure.PROTOCOL.architecture.widths, 13) == baselines.SIZES
    assert (baselines.BATCH, len(baselines.DISTILLED)) == (measure.PROTOCOL.batch_size, len(measure.STUDENTS))
