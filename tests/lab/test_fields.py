"""Fields by name: read from text in their own type, written as labels, refused with the nearest match."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.errors import UsageError
from sottovoce.experiments.spectrum import experiment as spectrum
from sottovoce.experiments.toy import experiment as toy
from sottovoce.experiments.transfer import experiment as transfer
from sottovoce.lab import fields


@pytest.mark.parametrize(
    ("Config", "name", "text", "value"),
    [
        (transfer.Config, "n_aux", "3", 3),
        (transfer.Config, "learning_rate", "1e-3", 1e-3),
        (transfer.Config, "learning_rate", "1", 1.0),
        (transfer.Config, "objective", "mse", "mse"),
        (spectrum.Config, "n_aux", "8", (8,)),
        (spectrum.Config, "n_aux", "2+4", (2, 4)),
        (spectrum.Config, "objectives", "kl+mse", ("kl", "mse")),
        (transfer.Config, "channels", "8+16", (8, 16)),
        (transfer.Config, "channels", "none", ()),
        (transfer.Config, "student_width", "64", 64),
        (transfer.Config, "student_width", "64+256", (64, 256)),
        (spectrum.Config, "fresh_heads", "True", True),
        (spectrum.Config, "fresh_heads", "false", False),
    ],
)
def test_text_becomes_a_value_of_the_fields_type(Config, name, text, value):
    read = fields.parse(Config, name, text)
    assert read == value
    assert type(read) is type(value)


@given(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_as_they_are_written(whole, real):
    assert fields.parse(transfer.Config, "n_aux", str(whole)) == whole
    assert fields.parse(transfer.Config, "learning_rate", repr(real)) == real


@pytest.mark.parametrize(
    ("Config", "name", "text", "words"),
    [
        (transfer.Config, "n_aux", "x", "n_aux is 'x'; allowed: a whole number"),
        (transfer.Config, "learning_rate", "fast", "learning_rate is 'fast'; allowed: a number"),
        (spectrum.Config, "n_aux", "2+b", "n_aux is '2+b'; allowed: whole numbers joined by +, or none"),
        (spectrum.Config, "fresh_heads", "1", "fresh_heads is '1'; allowed: true or false"),
        (transfer.Config, "n_uax", "2", "field is 'n_uax'; allowed: "),
        (transfer.Config, "n_uax", "2", "did you mean 'n_aux'?"),
    ],
)
def test_refuses(Config, name, text, words):
    with pytest.raises(UsageError) as caught:
        fields.parse(Config, name, text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_labels_are_numbers_or_text():
    assert [fields.label(value) for value in (3, 0.5, "kl", (2, 4), (), None)] == [
        3, 0.5, "kl", "2+4", "none", "None",
    ]  # fmt: skip


def test_points_that_differ_in_n_aux_are_built_alike():
    assert fields.shared(transfer.Config, {"n_aux": (2, 8, 3)}, {}) == {"n_aux_built": 8}
    assert fields.shared(spectrum.Config, {"n_aux": ((2, 4), (16,))}, {}) == {"n_aux_built": 16}
    assert fields.shared(transfer.Config, {"n_aux": (2, 8)}, {"n_aux_built": 27}) == {}
    assert fields.shared(transfer.Config, {"objective": ("kl", "mse")}, {}) == {}
    assert fields.shared(toy.Config, {"n_aux": (1, 2)}, {}) == {}
