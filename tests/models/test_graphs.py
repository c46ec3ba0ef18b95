"""CUDA graphs: without a GPU everything runs as it is; `tools/analysis/gpu_check.sh` compares them on one."""

import copy

import torch
from torch import nn

from hrpose.models.graphs import GraphedPrediction, GraphedTraining
from tests.checkpoints.cases import small_model
from tests.golden import fill_model, golden_input


def test_without_a_gpu_a_prediction_is_the_functions():
    graphed = GraphedPrediction(nn.Conv2d(3, 2, 1).requires_grad_(False))
    images = torch.rand(2, 3, 4, 4)
    with torch.no_grad():
        for _ in range(4):
            assert torch.equal(graphed(images), graphed.function(images))


def test_a_copy_runs_on_its_own_weights():
    network = nn.Conv2d(3, 2, 1)
    for graphed in (GraphedPrediction(network), GraphedTraining([network])):
        copied = copy.deepcopy(graphed)
        with torch.no_grad():
            network.weight.add_(1)
            images = torch.rand(2, 3, 4, 4)
            assert not torch.equal(copied(images), graphed(images))


def test_the_option_changes_nothing_on_a_cpu():
    plain = fill_model(small_model())
    graphed = fill_model(small_model(cuda_graphs=True))
    images = golden_input(64, 64)
    for model in (plain, graphed):
        model.train()
    assert torch.equal(plain(images), graphed(images))
    with torch.no_grad():
        assert torch.equal(plain.eval().inference(images), graphed.eval().inference(images))
