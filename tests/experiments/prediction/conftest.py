"""Results of `prediction` as earlier versions saved them."""

import pytest


@pytest.fixture(scope="session")
def old():
    """Turns a result into one of version 2: without weights and the predictors on other inputs."""
    return lambda dataset: dataset.drop_dims("interpolation").drop_sel(
        predictor=["linearized_independent", "self_consistent_independent"]
    )
