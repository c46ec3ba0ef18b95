"""Parameters and GFLOPs against the published tables, and against arithmetic by hand."""

from pathlib import Path

import pytest
import torch
from torch import nn

from hrpose.analysis.model_stats import Cost, by_part, layer_costs, total_cost
from hrpose.config import load_config
from hrpose.registry import MODELS


def cost_on_meta(model: nn.Module, width: int, height: int) -> Cost:
    """Return the cost of a model that was built on the meta device, which computes shapes only."""
    return total_cost(layer_costs(model.eval(), torch.zeros(1, 3, height, width, device='meta')).values())


@pytest.mark.parametrize(
    ('config', 'millions', 'gflops'),
    [
        ('hrnet_w32_coco_256x192', 28.5, 7.1),
        ('hrnet_w32_coco_384x288', 28.5, 16.0),
        ('hrnet_w48_coco_256x192', 63.6, 14.6),
        ('hrnet_w48_coco_384x288', 63.6, 32.9),
    ],
)
def test_an_hrnet_costs_what_its_published_row_says(config, millions, gflops, repository):
    cost = cost_of(repository / 'configs' / f'{config}.py')
    assert (round(cost.parameters / 1e6, 1), round(cost.official_gflops, 1)) == (millions, gflops)
    assert cost.official == cost.multiply_adds


def cost_of(config: Path) -> Cost:
    """Return the cost of a config's model at its input size."""
    cfg = load_config(config)
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    return cost_on_meta(model, *cfg.codec.input_size)


# Counted at their input's cells, the transposed convolutions would leave 5.1 of the 8.9.
@pytest.mark.parametrize(
    ('network', 'millions', 'gflops'),
    [
        ('r50_coco_256x192', 34.0, 8.9),
        ('r50_coco_384x288', 34.0, 20.0),
        ('r101_coco_256x192', 53.0, 12.4),
        ('r101_coco_384x288', 53.0, 27.9),
        ('r152_coco_256x192', 68.6, 15.7),
        ('r152_coco_384x288', 68.6, 35.3),
        ('r152_mpii_256x256', 68.6, 20.9),
    ],
)
def test_a_simple_baseline_costs_what_its_published_row_says(network, millions, gflops, repository):
    cost = cost_of(repository / 'configs' / f'simplebaseline_{network}.py')
    assert round(cost.parameters / 1e6, 1) == millions
    assert cost.official_gflops == pytest.approx(gflops, rel=0.012)


# HRNet's paper prints 25.1 M and 19.1 GFLOPs for eight stacks, 27.0 M and 6.20 for CPN. The networks that equal the
# releases, without Newell's unused weights, have a little more.
@pytest.mark.parametrize(
    ('config', 'millions', 'gflops'),
    [
        ('hourglass1_mpii_256x256', 3.4, 4.8),
        ('hourglass2_coco_256x256', 6.6, 7.8),
        ('hourglass4_mpii_256x256', 12.9, 13.7),
        ('hourglass8_mpii_256x256', 25.4, 25.6),
        ('hourglass52_coco_256x256', 93.7, 26.7),
        ('hourglass52_coco_384x384', 93.7, 60.0),
        ('hourglass52_mpii_256x256', 93.7, 26.7),
        ('hourglass52_mpii_384x384', 93.7, 60.0),
        ('hourglass52x2_coco_256x256', 187.7, 54.5),
        ('cpn_r50_coco_256x192', 27.4, 6.4),
        ('cpn_r50_ohkm_coco_384x288', 27.4, 14.4),
        ('cpn_r101_ohkm_coco_256x192', 46.4, 9.8),
    ],
)
def test_an_hourglass_or_cpn_costs_what_the_zoo_says(config, millions, gflops, repository):
    cost = cost_of(repository / 'configs' / f'{config}.py')
    assert (round(cost.parameters / 1e6, 1), round(cost.official_gflops, 1)) == (millions, gflops)
    zoo = (repository / 'docs' / 'model_zoo.md').read_text()
    assert f'| `configs/{config}.py` | {millions}M | {gflops} |' in zoo


@pytest.mark.parametrize(
    ('layer', 'shape', 'expected'),
    [
        (nn.Conv2d(4, 6, 3, padding=1), (1, 4, 5, 7), (222, 6 * 4 * 9 * 35, 6 * 4 * 9 * 35, 6 * 35)),
        (nn.Conv2d(4, 6, 3, stride=2, groups=2, bias=False), (1, 4, 5, 7), (108, 108 * 6, 108 * 6, 6 * 6)),
        (nn.Linear(4, 3), (1, 4), (15, 12, 12, 3)),
        (nn.Linear(4, 3), (1, 9, 4), (15, 108, 108, 27)),
        (nn.ConvTranspose2d(4, 6, 4, 2, 1, bias=False), (1, 4, 5, 7), (384, 384 * 35, 384 * 140, 6 * 140)),
        (nn.BatchNorm2d(4), (1, 4, 5, 7), (8, 0, 0, 0)),
    ],
)
def test_a_layer_costs_what_arithmetic_says(layer, shape, expected):
    (cost,) = layer_costs(nn.Sequential(layer).eval(), torch.zeros(shape)).values()
    assert cost == Cost(*expected)


def test_a_layer_called_twice_costs_twice_and_holds_its_weights_once():
    layer = nn.Linear(4, 4, bias=False)
    costs = layer_costs(nn.Sequential(layer, nn.ReLU(), layer), torch.zeros(1, 4))
    assert costs == {'0': Cost(16, 32, 32, 8)}


def test_weights_that_two_layers_share_count_once():
    one, two = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
    two.weight = one.weight
    assert total_cost(layer_costs(nn.Sequential(one, two), torch.zeros(1, 4)).values()).parameters == 16


def test_parts_add_up_to_the_whole_at_every_depth():
    model = nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)), nn.Sequential(nn.Conv2d(4, 2, 1)))
    costs = layer_costs(model.eval(), torch.zeros(1, 3, 2, 2))
    assert list(by_part(costs, 1)) == ['0', '1']
    assert list(by_part(costs, 2)) == ['0.0', '0.1', '1.0']
    assert {total_cost(by_part(costs, depth).values()) for depth in (1, 2, 3)} == {Cost(34, 4 * 20, 4 * 20, 4 * 6)}


def test_counting_leaves_no_hook_behind_even_after_an_error():
    model = nn.Sequential(nn.Linear(4, 2), nn.Linear(4, 2))
    with pytest.raises(RuntimeError):
        layer_costs(model, torch.zeros(1, 4))
    assert not any(layer._forward_hooks for layer in model)


def table_of(output: str) -> dict[str, list[float]]:
    """Return the table's rows: part -> parameters M, published GFLOPs, multiply-adds G, FLOPs G, activations M."""
    rows = [line.split() for line in output.splitlines() if line.split()[-1:] and line[-1].isdigit()]
    return {name: [float(value) for value in values] for name, *values in rows}


def test_the_table_has_published_and_plain_counts(call, repository):
    status, output = call('analysis.model_stats', repository / 'configs/hrnet_w32_coco_256x192.py')
    assert status == 0
    table = table_of(output)
    parameters, published, multiply_adds, flops, _ = table['whole']
    assert (round(parameters, 1), round(published, 1)) == (28.5, 7.1)
    assert multiply_adds == pytest.approx(published * 1024**3 / 1e9, abs=2e-3)
    assert flops == pytest.approx(2 * multiply_adds, abs=2e-3)
    assert {'backbone.layer1', 'backbone.stage4', 'head.final_layer'} < set(table)
    for column in range(5):
        parts = sum(row[column] for name, row in table.items() if name != 'whole')
        assert parts == pytest.approx(table['whole'][column], abs=0.01)


def test_the_shape_may_be_another_and_parts_coarser(call, repository):
    words = ['--shape', 64, 64, '--depth', 1]
    status, output = call('analysis.model_stats', repository / 'configs/hrnet_w16_lspet_128x128.py', *words)
    assert (status, '64 x 64 px' in output) == (0, True)
    assert list(table_of(output)) == ['backbone', 'head', 'whole']


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['--shape', 0, 64], 'not two positive numbers'),
        (['--shape', 100, 64], 'does not take an input of 100 x 64 px'),
    ],
)
def test_an_impossible_shape_is_one_message(words, said, call, repository):
    status, output = call('analysis.model_stats', repository / 'configs/hrnet_w16_lspet_128x128.py', *words)
    assert (status, said in output, 'Traceback' in output) == (2, True, False)


def test_a_config_without_codec_asks_for_the_shape(call, tmp_path):
    config = tmp_path / 'classifier.py'
    config.write_text("model = dict(type='hrpose.HRNet', arch='w16_small', num_outputs=4)\n")
    status, output = call('analysis.model_stats', config)
    assert (status, '--shape W H' in output) == (2, True)
    status, output = call('analysis.model_stats', config, '--shape', 64, 64)
    assert (status, 'stage4' in output) == (0, True)
