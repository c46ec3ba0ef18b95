"""Tests of hrpose.analysis call tools as those of tools/ do."""

import pytest
import torch

from hrpose.apis import init_model
from tests.analysis.colours import CONFIG, FILTERS, NAMES, draw_people
from tests.tools.conftest import call

__all__ = ['call']


@pytest.fixture
def coloured(tmp_path, repository, rng):
    """A config with a detector's boxes, and the checkpoint of a network that finds most joints of its people."""
    draw_people(tmp_path, rng)
    config, checkpoint = tmp_path / 'colours.py', tmp_path / 'colours.pth'
    config.write_text(CONFIG.format(root=str(repository), data=str(tmp_path), names=NAMES, boxes="'boxes.json'"))
    weights = init_model(config).state_dict()
    weights['head.final_layer.weight'].copy_(torch.from_numpy(FILTERS)[..., None, None] / 4)
    torch.save(weights, checkpoint)
    return config, checkpoint
