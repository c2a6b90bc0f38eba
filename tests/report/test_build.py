"""The command that the report prints beside a result is the one that makes it."""

import json
import shlex

import pytest
import tyro
import xarray as xr

from sottovoce.experiments.alignment import experiment as alignment
from sottovoce.experiments.inputs import experiment as inputs
from sottovoce.experiments.spectrum import experiment as spectrum
from sottovoce.experiments.transfer import experiment as transfer
from sottovoce.report.build import _command
from sottovoce.runs.identity import plain


@pytest.mark.parametrize(
    "config",
    [
        transfer.Config(dataset="digits", fresh_inputs=True, classes=(0, 3), inputs="mixture", inputs_alpha=0.25),
        spectrum.Config(dataset="digits", variant="published"),
        inputs.Config(dataset="digits", kinds=("uniform", "low_rank"), inputs_rank=3),
        alignment.Config(dataset="digits", interventions=("held", "decay"), penalty_until=0.25),
        alignment.Config(dataset="digits", interventions=()),
    ],
    ids=lambda config: type(config).__module__.rpartition(".")[2],
)
def test_the_printed_command_gives_the_configuration_back(config):
    resolved = config.resolve()
    attributes = {"config": json.dumps(plain(resolved)), "experiment": "any", "identity": "0" * 64}
    command, _, _ = _command("name", xr.Dataset(attrs=attributes)).partition("#")
    words = shlex.split(command)
    assert words[:3] == ["sottovoce", "run", "any"]
    assert tyro.cli(type(config), args=words[3:]).resolve() == resolved
