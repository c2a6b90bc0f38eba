"""Train reference, teacher and student in PyTorch, save their state dicts, and measure them with sottovoce.

    python examples/pytorch_checkpoints.py [FOLDER]

The networks are a PyTorch user's own: one `nn.Sequential` whose last layer holds ten class and three auxiliary logits.
"""

import sys
from pathlib import Path

import numpy as np
import torch  # pyright: ignore[reportMissingImports] - an extra
from torch import Tensor, nn  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]

import sottovoce as sv
from sottovoce.interop import checkpoints
from sottovoce.interop.torch import as_function, features, from_torch
from sottovoce.measure import comparison, counting, spectra

N_CLASS, N_AUX, HIDDEN = 10, 3, 128
RATE, BATCH, TEACHER_EPOCHS, STUDENT_EPOCHS, N_NOISE = 1e-3, 64, 30, 5, 10_000
LAST_HIDDEN, LAST_ACTIVATION, HEAD = "2", "3", "4"  # places in the Sequential


def new_network() -> nn.Sequential:
    network = nn.Sequential(
        nn.Linear(64, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, N_CLASS + N_AUX)
    )
    for layer in network:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
            nn.init.zeros_(layer.bias)
    return network


def copy_of(network: nn.Sequential) -> nn.Sequential:
    copy = new_network()
    copy.load_state_dict(network.state_dict())
    return copy


def train(network: nn.Sequential, inputs: Tensor, targets: Tensor, loss, epochs: int) -> None:
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    for _ in range(epochs):
        for rows in torch.randperm(len(inputs)).split(BATCH):
            optimizer.zero_grad()
            loss(network(inputs[rows]), targets[rows]).backward()
            optimizer.step()


def label_loss(logits: Tensor, labels: Tensor) -> Tensor:
    return functional.cross_entropy(logits[:, :N_CLASS], labels)


def aux_loss(logits: Tensor, teacher_logits: Tensor) -> Tensor:
    log_p, log_q = (functional.log_softmax(z[:, N_CLASS:], dim=1) for z in (teacher_logits, logits))
    return functional.kl_div(log_q, log_p, reduction="batchmean", log_target=True)


def train_all(images) -> tuple[dict[str, nn.Sequential], Tensor]:
    torch.manual_seed(0)
    torch.set_num_threads(1)  # layers this small gain nothing from a second
    reference = new_network()
    teacher, student = copy_of(reference), copy_of(reference)
    labels = torch.from_numpy(images.train_labels).long()
    train(teacher, torch.from_numpy(images.train_images), labels, label_loss, TEACHER_EPOCHS)
    noise = 2 * torch.rand(N_NOISE, 64) - 1
    with torch.no_grad():
        targets = teacher(noise)
    train(student, noise, targets, aux_loss, STUDENT_EPOCHS)
    return {"reference": reference, "teacher": teacher, "student": student}, noise


def measure_files(files: list[Path]) -> None:
    """From files alone, as the commands `sottovoce measure ...` do."""
    weights = [checkpoints.weight_matrices(file) for file in files]  # turned to (input, output), as .pt files need
    for name, of in comparison.compare_subspaces(weights, rank=N_AUX - 1).items():
        at = of["output"]
        print(f"layer {name}: updates of teacher and student overlap by {at['overlap']:.3f}, random {at['random']:.3f}")
    layer = f"{LAST_HIDDEN}.weight"
    update = weights[1][layer] - weights[0][layer]
    print(f"teacher's update of layer {LAST_HIDDEN}: directions {counting.count(update, null='signflip')},")
    print(f"    participation ratio {spectra.describe(update)['participation_ratio']:.1f}")


def measure_modules(networks: dict[str, nn.Sequential], noise: Tensor, images) -> None:
    """From modules, through functions of arrays, and as networks of ours."""
    hidden = [features(network, LAST_ACTIVATION, images.test_images) for network in networks.values()]
    heads = [as_function(network.get_submodule(HEAD)) for network in networks.values()]
    classes = [lambda h, head=head: head(h)[:, :N_CLASS] for head in heads]
    graft = sv.measure.heads.graft_accuracy(hidden, classes, images.test_labels)
    print("accuracy of bodies (rows) under class heads (columns): " + ", ".join(networks))
    print(np.array2string(graft, precision=3))
    cka = sv.measure.similarity.linear_cka(hidden[1], hidden[2], debiased=True)
    print(f"CKA of the teacher's and the student's hidden features: {cka:.3f}")
    risk = sv.transfer_risk(
        from_torch(networks["reference"], n_class=N_CLASS),
        from_torch(networks["teacher"], n_class=N_CLASS),
        noise.numpy(),
        images.test_images,
        images.test_labels,
        n_aux=N_AUX,
        epochs=STUDENT_EPOCHS,
        batch_size=BATCH,
        learning_rate=RATE,
    )
    print(risk)
    print(f"the student itself: {graft[2, 2]:.3f}")


def main(folder: Path) -> None:
    images = sv.load_dataset("digits")
    networks, noise = train_all(images)
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{name}.pt" for name in networks]
    for file, network in zip(files, networks.values(), strict=True):
        torch.save(network.state_dict(), file)
    print("saved " + ", ".join(map(str, files)))
    measure_files(files)
    measure_modules(networks, noise, images)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out/pytorch"))
