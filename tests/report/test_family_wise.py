"""The family-wise error of the primary claims, as docs/family_wise.py measures it."""

import numpy as np
import pytest

from documents import script
from sottovoce.lab import claims

family_wise = script("family_wise")


def test_reports_are_drawn_with_the_members_spread_and_correlations():
    rng = np.random.default_rng(0)
    base = rng.standard_normal((12, 1))
    few = base + 0.5 * rng.standard_normal((12, 2))
    more = 3 * np.concatenate([base, rng.standard_normal((8, 1))]) + rng.standard_normal((20, 1))
    found = family_wise.drawn([few, more], rng)
    assert [numbers.shape for numbers in found] == [(12, 2), (20, 1)]
    drawn = [family_wise.drawn([few, more], rng) for _ in range(4000)]
    alike = np.concatenate([np.concatenate([a, b[:12]], axis=1) for a, b in drawn])
    measured = np.concatenate([few, more[:12]], axis=1)
    np.testing.assert_allclose(alike.std(axis=0), [*few.std(axis=0, ddof=1), more.std(ddof=1)], rtol=0.03)
    np.testing.assert_allclose(np.corrcoef(alike.T), np.corrcoef(measured.T), atol=0.03)


def test_primary_claims_at_their_boundaries_err_in_one_report_of_twenty(transfer, decoding, toy, spectrum):
    rng = np.random.default_rng(1)
    results = {
        "transfer": transfer(),
        "decoding": decoding(),
        "toy_1": toy(),
        "spectrum_described": spectrum({"kl 2": 2, "kl 4": 4, "kl 8": 8}),
    }
    # Constructed members are equal in some numbers; here all of them differ.
    measured = [
        (claim, family_wise.rebuilt(evidence, numbers + 0.05 * rng.standard_normal(numbers.shape)))
        for claim, evidence in family_wise.primary(results)
        for numbers in (family_wise.columns(evidence),)
    ]
    assert len(measured) == claims.PRIMARY
    for error in ("supported", "not supported"):
        for claim, evidence in measured:
            # Where the columns lie at their means the statistic is the boundary.
            means = family_wise.at_boundary(claim, evidence, error)
            estimate = family_wise.rebuilt(evidence, np.tile(means, (8, 1))).interval().mean
            assert estimate == pytest.approx(claim.high if np.isfinite(claim.high) else claim.low)
        rate = family_wise.error_rate(measured, error, 400)
        # 5 % and three standard errors; all eight claims err together far more often than never.
        assert 0.005 < rate <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)
