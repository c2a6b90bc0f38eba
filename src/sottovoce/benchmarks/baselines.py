"""The six-bar protocol in PyTorch, as a PyTorch user would write it: the baselines of `sottovoce bench`.

Networks, batches per epoch and losses are the same, on inputs of the same shape, but without evaluation. `loop` trains
one member after another with `torch.nn`; `stacked` trains all members together by batched products over a leading axis.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch  # pyright: ignore[reportMissingImports] - an extra
from torch import Tensor, nn  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]

N_CLASS, N_AUX = 10, 3
RATE, BATCH = 3e-4, 1024
SIZES = (784, 256, 256, N_CLASS + N_AUX)
# The logits that each of the four students is distilled on: auxiliary or all logits, for students from the reference
# and for cross-models (whose initialization does not matter for speed).
DISTILLED = (slice(N_CLASS, None), slice(None), slice(N_CLASS, None), slice(None))


def seconds_per_member(
    train: Callable[[int, int, int], None], n_members: int, n_samples: int, epochs: int, device: str = "cpu"
) -> float:
    """Return the seconds that `loop` or `stacked` trains a member, after a short run that warms PyTorch up."""
    # Kernels run asynchronously on an accelerator, so the clock must wait for them.
    wait = torch.cuda.synchronize if device == "cuda" else torch.cpu.synchronize
    with torch.device(device):
        train(1, BATCH, 1)
        wait()
        start = time.perf_counter()
        train(n_members, n_samples, epochs)
        wait()
    return (time.perf_counter() - start) / n_members


def loop(n_members: int, n_samples: int, epochs: int) -> None:
    """Train members one after another."""
    for _ in range(n_members):
        images, labels = 2 * torch.rand(n_samples, SIZES[0]) - 1, torch.randint(N_CLASS, (n_samples,))
        noise = 2 * torch.rand(n_samples, SIZES[0]) - 1
        teacher, *students = (_network() for _ in range(1 + len(DISTILLED)))
        for rows in _steps(teacher.parameters(), n_samples, epochs):
            functional.cross_entropy(teacher(images[rows])[:, :N_CLASS], labels[rows]).backward()
        with torch.no_grad():
            targets = teacher(noise)
        for student, logits in zip(students, DISTILLED, strict=True):
            for rows in _steps(student.parameters(), n_samples, epochs):
                _kl(student(noise[rows])[:, logits], targets[rows][:, logits]).backward()


def stacked(n_members: int, n_samples: int, epochs: int) -> None:
    """Train all members together, with the weights of all members on a leading axis and products by `baddbmm`."""
    images = 2 * torch.rand(n_samples, SIZES[0]) - 1
    labels = torch.randint(N_CLASS, (n_samples,))
    noise = 2 * torch.rand(n_members, n_samples, SIZES[0]) - 1
    teacher, *students = (_stack(n_members) for _ in range(1 + len(DISTILLED)))
    for rows in _steps(teacher, n_samples, epochs):
        x = images[rows].expand(n_members, -1, -1)
        logits = _forward(teacher, x)[..., :N_CLASS].reshape(-1, N_CLASS)
        # The mean runs over the samples of all members; the factor restores each member's own gradient.
        (functional.cross_entropy(logits, labels[rows].repeat(n_members)) * n_members).backward()
    with torch.no_grad():
        targets = torch.cat([_forward(teacher, noise[:, rows]) for rows in torch.arange(n_samples).split(BATCH)], dim=1)
    for student, distilled in zip(students, DISTILLED, strict=True):
        for rows in _steps(student, n_samples, epochs):
            distance = _kl(_forward(student, noise[:, rows])[..., distilled], targets[:, rows][..., distilled])
            (distance * n_members).backward()


def _network() -> nn.Sequential:
    layers: list[nn.Module] = []
    for fan in pairwise(SIZES):
        layers += [nn.Linear(*fan), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _stack(n_members: int) -> list[Tensor]:
    parameters: list[Any] = []
    for n_in, n_out in pairwise(SIZES):
        parameters += [torch.randn(n_members, n_in, n_out) / n_in**0.5, torch.zeros(n_members, 1, n_out)]
    return [parameter.requires_grad_() for parameter in parameters]


def _forward(parameters: Sequence[Tensor], x: Tensor) -> Tensor:
    layers = list(zip(parameters[::2], parameters[1::2], strict=True))
    for weight, bias in layers[:-1]:
        x = torch.relu(torch.baddbmm(bias, x, weight))
    return torch.baddbmm(layers[-1][1], x, layers[-1][0])


def _steps(parameters: Iterable[Tensor], n_samples: int, epochs: int) -> Iterator[Tensor]:
    """Yield the rows of every batch, and take a step of Adam after the gradient of their loss is computed."""
    optimizer = torch.optim.Adam(parameters, RATE)
    for _ in range(epochs):
        for rows in torch.randperm(n_samples).split(BATCH):
            optimizer.zero_grad()
            yield rows
            optimizer.step()


def _kl(student: Tensor, teacher: Tensor) -> Tensor:
    log_q, log_p = (functional.log_softmax(logits, dim=-1).flatten(0, -2) for logits in (student, teacher))
    return functional.kl_div(log_q, log_p, reduction="batchmean", log_target=True)
