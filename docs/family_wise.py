"""Measure how often a report errs on a primary claim, over reports drawn from the members' measured covariance.

python docs/family_wise.py out/runs [number of reports]

Nothing is trained. Every primary claim lies at the boundary of its range: once just outside, where each "supported" is
an error, and once just inside, where each "not supported" is one. Runs of one seed share references and teachers, so
the members of all trained results are drawn together; the draws of a toy are drawn by themselves. Where several ways to
measure a statistic have to agree, the first lies at the boundary and the others where they never prevent the error. The
test images of claims that allow for them are those that were measured, with which such a claim errs more often.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import xarray as xr

from sottovoce.lab import registry
from sottovoce.lab.claims import ALPHA, PRIMARY, Claim
from sottovoce.lab.evidence import Agreement, Crossed, Evidence, Mean, Ratio, p_values
from sottovoce.measure import hypotheses
from sottovoce.report.ledger import ledger
from sottovoce.report.results import load_all

Error = Literal["supported", "not supported"]
Measured = Sequence[tuple[Claim, Evidence]]
# In standard deviations of a member, and so beyond every test.
FAR = 100.0


def columns(evidence: Evidence) -> np.ndarray:
    """Return the numbers behind a claim, `(replicate, column)`."""
    match evidence:
        case Mean():
            return evidence.values[:, None]
        case Crossed():
            return evidence.values.mean(axis=1)[:, None]
        case Ratio():
            return np.stack([evidence.numerators, evidence.denominators], axis=1)
        case Agreement():
            return np.stack([way.values for way in evidence.ways], axis=1)
    raise TypeError(f"numbers of {type(evidence).__name__} are not drawn here")


def rebuilt(evidence: Evidence, values: np.ndarray) -> Evidence:
    """Return evidence of the same kind from other numbers, `(replicate, column)`."""
    match evidence:
        case Ratio():
            return Ratio(*values.T)
        case Agreement():
            ways = zip(evidence.ways, values.T, strict=True)
            return Agreement(tuple(replace(way, values=own) for way, own in ways))
        case Mean():
            return replace(evidence, values=values[:, 0])
    return Mean(values[:, 0])


def at_boundary(claim: Claim, evidence: Evidence, error: Error) -> np.ndarray:
    """Return the true mean of each column with which the claim lies at the boundary of its range."""
    low, high = claim.holds
    boundary, measured = (high if np.isfinite(high) else low), columns(evidence)
    if isinstance(evidence, Ratio):
        denominator = measured[:, 1].mean()
        return np.array([boundary * denominator, denominator])
    means = np.full(measured.shape[1], boundary)
    inward = -1.0 if np.isfinite(high) else 1.0
    beyond = FAR * measured.std(axis=0, ddof=1)
    if error == "supported":
        means[1:] = (low + high) / 2 if np.isfinite([low, high]).all() else (means + inward * beyond)[1:]
    else:
        means[1:] = (means - inward * beyond)[1:]
    return means


def drawn(together: Sequence[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """Return normal numbers of mean zero with the columns' standard deviations and their correlations.

    The correlations are those of the members that all have in common; results of more members have more rows.
    """
    common = min(map(len, together))
    rows = np.concatenate([numbers[:common] for numbers in together], axis=1)
    spread = rows.std(axis=0, ddof=1)
    # A column without spread has no correlations, and stays constant.
    standardized = (rows - rows.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    values, vectors = np.linalg.eigh(standardized.T @ standardized / (common - 1))
    # With more columns than members some eigenvalues are zero, which rounding can make negative.
    mixing = vectors * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
    normal = rng.standard_normal((max(map(len, together)), len(mixing))) @ mixing
    ends = np.cumsum([numbers.shape[1] for numbers in together])
    return [
        normal[: len(numbers), end - numbers.shape[1] : end] * numbers.std(axis=0, ddof=1)
        for numbers, end in zip(together, ends, strict=True)
    ]


def error_rate(measured: Measured, error: Error, reports: int, seed: int = 1) -> float:
    """Return the share of reports in which one primary claim or more gets this verdict wrongly."""
    rng, wrong = np.random.default_rng(seed), 0
    numbers = [columns(evidence) for _, evidence in measured]
    means = [at_boundary(claim, evidence, error) for claim, evidence in measured]
    trained = [i for i, (claim, _) in enumerate(measured) if _is_trained(claim)]
    alone = [i for i in range(len(measured)) if i not in trained]
    for _ in range(reports):
        noise = dict(zip(trained, drawn([numbers[i] for i in trained], rng), strict=True)) if trained else {}
        noise |= {i: drawn([numbers[i]], rng)[0] for i in alone}
        both = np.array(
            [p_values(rebuilt(one, means[i] + noise[i]), claim.holds) for i, (claim, one) in enumerate(measured)]
        )
        decided = np.array(hypotheses.holm(both.min(axis=1), PRIMARY)) <= ALPHA
        inside = both[:, 0] <= both[:, 1]
        wrong += bool((decided & (inside if error == "supported" else ~inside)).any())
    return wrong / reports


def _is_trained(claim: Claim) -> bool:
    (experiment,) = (one for one in registry.experiments().values() if claim.result in one.results)
    return experiment.trains


def primary(results: Mapping[str, xr.Dataset]) -> Measured:
    """Return the primary claims whose result is at hand, with their evidence."""
    claims = [claim for claim in ledger() if claim.primary and claim.result in results]
    return [(claim, claim.measure(results[claim.result])) for claim in claims]


if __name__ == "__main__":
    found = primary(load_all(Path(sys.argv[1])))
    number = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    print(f"{len(found)} primary claims: {', '.join(f'{claim.key} (n = {one.n})' for claim, one in found)}")
    for kind in ("supported", "not supported"):
        rate = error_rate(found, kind, number)
        print(f'"{kind}" wrongly on one claim or more: {rate:.4f} of {number:,} reports')
