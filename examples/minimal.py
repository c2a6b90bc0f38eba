"""The post in plain NumPy: a linear toy that matches a logit it never saw, then one network on digits.

Run: python examples/minimal.py (under half a minute; needs numpy, and scikit-learn for its 8x8 digits).

A teacher y = x W1 W2 has class logits first, auxiliary logits last. The toy student keeps W2 and solves for a
W1' that gives the auxiliary logits only. The network student starts from the teacher's initial weights and is
trained on the teacher's 3 auxiliary logits over uniform noise: it sees no image, no label, no class logit.
"""

from itertools import pairwise

import numpy as np
from sklearn.datasets import load_digits

N_CLASS, N_AUX, WIDTH = 10, 3, 128
LEARNING_RATE, BATCH, TEACHER_EPOCHS, STUDENT_EPOCHS, N_NOISE = 1e-3, 64, 30, 10, 10_000


# The linear toy.
def toy_teacher(rng, n_aux):
    """Draw the post's teacher: a least-squares map A of 20 random pairs, in two balanced layers."""
    x, y = rng.standard_normal((20, 2)), 2 * rng.standard_normal((20, 1 + n_aux))
    A = np.linalg.lstsq(x, y)[0]
    W1 = rng.random((2, 2))
    W2 = np.linalg.solve(W1, A)
    W1, W2 = W1 / np.abs(W1).sum(), W2 / np.abs(W2).sum()
    scale = np.sqrt(np.linalg.norm(A) / np.linalg.norm(W1 @ W2))
    return W1 * scale, W2 * scale


def toy_student(rng, W1, W2, n_aux):
    """Regress the teacher's auxiliary logits on fresh inputs, then take the smallest W1' that gives them."""
    x, Z = rng.standard_normal((20, 2)), W2[:, -n_aux:]
    A_aux = np.linalg.lstsq(x, x @ W1 @ Z)[0]
    return A_aux @ np.linalg.pinv(Z)


def cosine(a, b):
    """Return the cosine between two vectors."""
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


# The network: a list of (weights, biases), ReLU between layers, class and auxiliary logits side by side.
def init(rng, sizes):
    """Draw weights N(0, 1 / fan_in); biases are zero."""
    return [(rng.normal(0, m**-0.5, (m, n)), np.zeros(n)) for m, n in pairwise(sizes)]


def forward(params, x):
    """Return the inputs of every layer, and last the logits."""
    layers = [x]
    for i, (W, b) in enumerate(params):
        z = layers[-1] @ W + b
        layers.append(z if i == len(params) - 1 else np.maximum(z, 0))
    return layers


def softmax(logits):
    """Return probabilities over the last axis."""
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def loss_gradients(params, x, target, logits):
    """Return KL(target || softmax of the chosen logits), averaged over x, and its gradients."""
    layers = forward(params, x)
    p = softmax(layers[-1][:, logits])
    loss = np.sum(target * np.log(np.where(target > 0, target, 1) / p)) / len(x)
    delta = np.zeros_like(layers[-1])
    delta[:, logits] = (p - target) / len(x)
    gradients = []
    for i in reversed(range(len(params))):
        gradients.insert(0, (layers[i].T @ delta, delta.sum(axis=0)))
        delta = (delta @ params[i][0].T) * (layers[i] > 0)
    return loss, gradients


def train(rng, params, x, target, logits, epochs):
    """Return a trained copy of params: Adam over reshuffled batches, the last short batch kept."""
    params = [(W.copy(), b.copy()) for W, b in params]
    first = [np.zeros_like(a) for pair in params for a in pair]
    second = [np.zeros_like(a) for pair in params for a in pair]
    step = 0
    for _ in range(epochs):
        for batch in np.array_split(rng.permutation(len(x)), np.arange(BATCH, len(x), BATCH)):
            step += 1
            _, gradients = loss_gradients(params, x[batch], target[batch], logits)
            arrays, slopes = ([a for pair in pairs for a in pair] for pairs in (params, gradients))
            for a, g, m, v in zip(arrays, slopes, first, second, strict=True):
                m += 0.1 * (g - m)
                v += 0.001 * (g**2 - v)
                a -= LEARNING_RATE * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
    return params


def accuracy(params, x, labels):
    """Return the share of images whose largest class logit is the label's."""
    return np.mean(forward(params, x)[-1][:, :N_CLASS].argmax(axis=1) == labels)


def main():
    """Print the toy's cosines and the accuracies of reference, teacher, student and cross-model."""
    for n_aux in (1, 2):
        for draw in range(3):
            rng = np.random.default_rng([n_aux, draw])
            W1, W2 = toy_teacher(rng, n_aux)
            teacher, student = W1 @ W2, toy_student(rng, W1, W2, n_aux) @ W2
            cosines = " ".join(f"{cosine(t, s):+.3f}" for t, s in zip(teacher.T, student.T, strict=True))
            print(f"toy, n_aux {n_aux}, draw {draw}: cosine of class and auxiliary columns {cosines}")

    rng = np.random.default_rng(0)
    images, labels = load_digits(return_X_y=True)
    order = rng.permutation(len(labels))
    x, labels = images[order] / 8 - 1, labels[order]
    x_train, y_train, x_test, y_test = x[:1440], labels[:1440], x[1440:], labels[1440:]
    class_logits, aux_logits = slice(N_CLASS), slice(N_CLASS, None)
    sizes = (x.shape[1], WIDTH, WIDTH, N_CLASS + N_AUX)

    reference, stranger = init(rng, sizes), init(rng, sizes)
    teacher = train(rng, reference, x_train, np.eye(N_CLASS)[y_train], class_logits, TEACHER_EPOCHS)
    noise = rng.uniform(-1, 1, (N_NOISE, x.shape[1]))
    target = softmax(forward(teacher, noise)[-1][:, aux_logits])
    student = train(rng, reference, noise, target, aux_logits, STUDENT_EPOCHS)
    cross_model = train(rng, stranger, noise, target, aux_logits, STUDENT_EPOCHS)
    networks = {"reference": reference, "teacher": teacher, "student": student, "cross_model": cross_model}
    for role, params in networks.items():
        print(f"{role:12} test accuracy {accuracy(params, x_test, y_test):.3f}")


if __name__ == "__main__":
    main()
