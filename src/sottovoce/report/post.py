"""The sentences of the post, in our words, each with the claims that judge it or the reason why none does."""

from typing import NamedTuple


class Sentence(NamedTuple):
    """One sentence of the post that could be wrong.

    Attributes:
        section: the post's section.
        text: the sentence in our words.
        claims: keys of the claims that judge it.
        reason: why no claim judges it, or what the claims leave out.
    """

    section: str
    text: str
    claims: tuple[str, ...]
    reason: str = ""


_BOTH = ("described", "published")


def _in_both(*keys: str) -> tuple[str, ...]:
    return tuple(f"{key}-{variant}" for key in keys for variant in _BOTH)


SENTENCES = (
    Sentence(
        "Toy Models", "The student's column of the logit that it was trained on matches the teacher's.", ("a-trained",)
    ),
    Sentence("Toy Models", "The column that was never trained often matches reasonably well.", ("a", "a-often")),
    Sentence("Toy Models", "Both columns of a student of one logit lie on one line.", ("b",)),
    Sentence(
        "Why This Works",
        "Training on one logit of the teacher teaches the student one direction that the teacher has learned.",
        ("j-projector", "i-overlap-input", "i-overlap-output"),
    ),
    Sentence(
        "Why This Works", "This direction is likely not orthogonal to one that serves another logit.", ("a-orthogonal",)
    ),
    Sentence(
        "Why This Works",
        "Where the next layer is similar in student and teacher, the student can decode the direction for that logit.",
        ("i-decoding", "sharing-class_head"),
    ),
    Sentence("Why This Works", "If the direction is predictive at all, W2 can decode it.", ("i-head",)),
    Sentence(
        "Why This Works",
        "Trained by gradient descent, W2 differs between teacher and student, which adds noise to the decoding.",
        ("k-differs", "k-cost", "k-noise"),
    ),
    Sentence("Higher Rank Toy Models", "With two auxiliary logits teacher and student match exactly.", ("c",)),
    Sentence(
        "Higher Rank Toy Models",
        "They match because both maps have rank two.",
        (),
        "The condition is another one: the distilled columns have to span the hidden space, or at least contain the "
        "class columns (docs/theory.md, section 2). With more hidden units than distilled columns maps of equal rank "
        "differ; `sottovoce run capture` shows by how much.",
    ),
    Sentence(
        "Higher Rank Toy Models",
        "Closed forms stand for training while the weights of W2 do not shift.",
        ("j-projector", "j-kl", "j-adam", "j-order"),
    ),
    Sentence("Higher Rank Toy Models", "Non-linearities between the layers may behave in another way.", ("k-relu",)),
    Sentence(
        "Demonstration on MNIST",
        "Students were trained as Cloud's, and only the number of auxiliary logits differs.",
        (),
        "A statement about the post's own experiment. Its script differs from Cloud's protocol in six settings "
        "(docs/presets.md); both are run, as the variants described and published.",
    ),
    Sentence(
        "Demonstration on MNIST",
        "A student of two logits puts much more weight on two components, and the rest is as in an untrained network.",
        _in_both("d", "d-far", "d-rest"),
    ),
    Sentence("Demonstration on MNIST", "A student of four logits has about four above the baseline.", _in_both("e")),
    Sentence("Demonstration on MNIST", "A student of eight logits has six or seven.", _in_both("f")),
    Sentence("Demonstration on MNIST", "So the number of components follows the number of logits.", ("k-slope",)),
    Sentence(
        "Demonstration on MNIST",
        "A student of three auxiliary logits learns at least three directions of its teacher that no random "
        "initialization has.",
        ("i-three", "i-three-output"),
    ),
    Sentence("Demonstration on MNIST", "The weights of the student's class logits are untrained.", ("i-untrained",)),
    Sentence(
        "Demonstration on MNIST",
        "Networks of one initialization have class heads similar enough for a noisy decoding.",
        ("i-decoding", "i-head"),
    ),
    Sentence("Demonstration on MNIST", "This decoding gets some digits right.", ("i-digits",)),
    Sentence(
        "Demonstration on MNIST",
        "So the student's accuracy lies far above the baseline and far below the teacher's.",
        ("g-above-chance", "g-below-teacher"),
    ),
)
"""The sentences in the order of the post."""
