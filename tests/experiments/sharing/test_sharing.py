"""The factorial: its corners are students of other experiments, and effects are recovered from made-up cells."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from sottovoce.errors import UsageError
from sottovoce.experiments.sharing import config, figures
from sottovoce.experiments.sharing import experiment as sharing
from sottovoce.experiments.sharing import findings as analysis
from sottovoce.experiments.sharing import findings as ledger
from sottovoce.experiments.sharing.simulate import simulate
from sottovoce.experiments.transfer import experiment as transfer
from sottovoce.lab.claims import judge


def test_the_corner_with_everything_shared_is_transfers_student(smoke):
    # The same member, teacher and inputs; another program rounds differently, so two near ties of 355 images may fall.
    here = smoke("sharing")["accuracy"].sel(trunk_0="shared", class_head="shared")
    there = smoke("transfer")["accuracy"].sel(role="student")
    np.testing.assert_allclose(here, there, atol=2.5 / 355)
    np.testing.assert_array_equal(smoke("sharing")["reference_accuracy"], smoke("transfer")["accuracy"][:, 0])


def with_the_teachers_trunk(**fields):
    """One member whose students' trunk is not trained."""
    blocks = {"blocks": ("trunk_0", "trunk_1", "class_head"), "frozen": ("trunk_0", "trunk_1")}
    return simulate(replace(sharing.Config.smoke(), seed=0, **blocks, **fields).resolve(), (0,))


def test_the_teachers_trunk_needs_no_distillation():
    result = with_the_teachers_trunk(replacement="teacher")
    whole = result["accuracy"].sel(trunk_0="replaced", trunk_1="replaced", class_head="replaced")
    # Nothing of the teacher's path to the class logits is trained or missing.
    np.testing.assert_array_equal(whole, result["teacher_accuracy"])
    nothing = result["accuracy"].sel(trunk_0="shared", trunk_1="shared", class_head="shared")
    np.testing.assert_array_equal(nothing, result["reference_accuracy"])


def test_a_perturbed_teacher_is_the_teacher_at_small_sigma_and_another_network_at_large():
    replaced = dict.fromkeys(("trunk_0", "trunk_1", "class_head"), "replaced")
    near = with_the_teachers_trunk(replacement="teacher_perturbed", sigma=1e-6)
    np.testing.assert_allclose(near["accuracy"].sel(replaced), near["teacher_accuracy"], atol=1.5 / 355)
    # A thousand times the initialization is all draw: the class that it prefers has a tenth of the images.
    far = with_the_teachers_trunk(replacement="teacher_perturbed", sigma=1e3)
    assert float(far["accuracy"].sel(replaced)[0]) < 0.3 < float(far["teacher_accuracy"][0])


def made(main=(-0.2, -0.1, 0.0), interaction=0.05, members=40):
    """Cells with known effects: three blocks, one interaction of the first two, members that differ by a constant."""
    rng = np.random.default_rng(0)
    sign = np.array([-1.0, 1.0])
    a, b, c = np.meshgrid(sign, sign, sign, indexing="ij")
    cells = 0.5 + (main[0] * a + main[1] * b + main[2] * c + interaction * a * b) / 2
    accuracy = cells + 0.1 * rng.standard_normal((members, 1, 1, 1))
    names = ("trunk_0", "class_head", "aux_head")
    return xr.Dataset(
        {
            "accuracy": (("member", *names), accuracy),
            "reference_accuracy": ("member", np.full(members, 0.1)),
            "diverged": ("member", np.zeros(members, bool)),
        },
        coords={"member": np.arange(members), **{name: list(config.STATES) for name in names}},
    )


def test_planted_effects_and_interactions_are_recovered():
    found = analysis.effects(made())
    expected = {
        "trunk_0, main": -0.2,
        "class_head, main": -0.1,
        "aux_head, main": 0.0,
        "trunk_0 x class_head": 0.05,
        "trunk_0 x aux_head": 0.0,
        "class_head x aux_head": 0.0,
        # Alone: the main effect less the interaction.
        "trunk_0, alone": -0.25,
        "class_head, alone": -0.15,
        "aux_head, alone": 0.0,
    }
    assert set(found["effect"].values.tolist()) == set(expected)
    for name, value in expected.items():
        # Members differ by constants, which paired differences do not see.
        assert float(found["mean"].sel(effect=name)) == pytest.approx(value, abs=1e-12), name
        assert np.isnan(found["low"].sel(effect=name))


def test_a_claim_decides_only_on_a_block_that_is_a_factor():
    (claim,) = (claim for claim in ledger.CLAIMS if claim.key == "sharing-class_head")
    measured = judge([(claim, made())])[0].measured
    # 0.5 + (0.2 - 0.1 - 0.05) / 2 with the class head replaced, less 0.1; members spread by 0.1 / sqrt(40).
    assert measured.low < 0.425 < measured.high
    alone = made().isel(class_head=0, drop=True)
    assert np.isnan(judge([(claim, alone)])[0].measured).all()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"blocks": ("trunk_2",)}, "blocks is 'trunk_2'; allowed: trunk_0, trunk_1, class_head, aux_head"),
        ({"blocks": ()}, "blocks is (); allowed: one block or more"),
        ({"blocks": ("aux_head", "aux_head")}, "none twice"),
        ({"frozen": ("trunk",)}, "frozen is 'trunk'; allowed"),
        ({"frozen": ("trunk_0", "trunk_1", "aux_head")}, "distillation has nothing to train"),
        ({"replacement": "indep"}, "replacement is 'indep'; allowed: independent, perturbed, teacher"),
        ({"sigma": 0.0}, "sigma is 0.0; allowed: a positive number"),
    ],
)
def test_refuses(fields, words):
    with pytest.raises(UsageError) as caught:
        sharing.Config(**{"dataset": "digits"} | fields).resolve()
    assert words in str(caught.value)


def test_the_figure_has_words_for_every_replacement():
    assert set(figures.REPLACED) == set(config.REPLACEMENTS)


def test_every_word_of_the_figure_has_its_own_place():
    dataset = made()
    figure = figures.draw(analysis.cells(dataset), analysis.effects(dataset), analysis.factors(dataset), "title")
    figure.canvas.draw()
    boxes = [text.get_window_extent() for ax in figure.axes for text in ax.get_yticklabels() if text.get_text()]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_the_fields_of_transfer_are_those_of_sharing_and_its_own():
    own = {"blocks", "replacement", "sigma", "frozen"}
    assert set(sharing.Config.__dataclass_fields__) == set(transfer.Config.__dataclass_fields__) | own
