"""Backbone, neck and head fit, or an error at build time names both numbers and the line to write."""

from types import MappingProxyType
from typing import Any

import pytest
import torch
from torch import nn

from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError
from hrpose.models.estimators.fit import fit_flip_shift
from hrpose.registry import MODELS


class Foreign(nn.Module):
    """A backbone that is not hrpose's: one map of `channels` at 1/`stride`, returned in a `form`."""

    def __init__(self, channels: int = 8, stride: int = 4, states: Any = None, form: str = 'list') -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, channels, 3, stride=stride, padding=1)
        self.norm, self.form = nn.BatchNorm2d(channels), form
        if states is not None:
            self.out_channels = states

    def forward(self, x):
        found = self.norm(self.convolution(x))
        return {'list': [found], 'tensor': found, 'dict': {'x': found}, 'nested': [[found]]}[self.form]


class Neck(nn.Module):
    """A neck: twice the channels."""

    out_channels = 16

    def forward(self, features):
        return [torch.cat([features[0], features[0]], dim=1)]


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(MODELS.module_dict, 'Foreign', Foreign)
    monkeypatch.setitem(MODELS.module_dict, 'Neck', Neck)


CODEC = MappingProxyType(dict(type='MSRAHeatmap', input_size=(64, 96), heatmap_size=(16, 24)))


def build(
    *, head: Any = MappingProxyType({}), neck: Any = None, codec: Any = CODEC, flip_test: Any = True, **backbone: Any
) -> nn.Module:
    return MODELS.build(
        dict(
            type='TopdownPoseEstimator',
            backbone=dict(type='Foreign', **backbone),
            neck=neck,
            head=dict(type='HeatmapHead', codec=dict(codec), out_channels=17, **head),
            metainfo=resolve('coco'),
            flip_test=flip_test,
        )
    )


@pytest.mark.parametrize('states', [None, (8,), [8], 8])
def test_the_head_follows_a_backbone_with_or_without_channels(states):
    assert build(states=states).head.final_layer.in_channels == 8


def test_the_head_follows_the_neck():
    model = build(neck=dict(type='Neck'))
    assert model.head.final_layer.in_channels == 16
    assert model(torch.zeros(1, 3, 96, 64)).shape == (1, 17, 24, 16)


MISTAKES = {
    'stated_wrongly': (dict(states=(7,)), r'out_channels = \(7,\), but .* write self.out_channels = \(8,\) in its'),
    'head_differs': (dict(head=dict(in_channels=5)), r'is 5, but Foreign gives 8 .*write head=dict\(in_channels=8\)'),
    'one_tensor': (dict(form='tensor'), r'gives one tensor \(1, 8, 24, 16\) instead of .*return \[features\]'),
    'a_dict': (dict(form='dict'), 'gives a dict instead of a list'),
    'nested': (dict(form='nested'), 'gives a list of a list of one tensor'),
    'another_grid': (dict(stride=8), r'of \(8, 12\) cells .*heatmap_size is \(16, 24\); write codec = '),
    'no_pass': (dict(neck=dict(type='Foreign')), r'pass fails on an input of 64 x 96 px .*test_fit.py, line \d+\)'),
}


@pytest.mark.parametrize(('options', 'reason'), MISTAKES.values(), ids=MISTAKES)
def test_a_mismatch_is_an_error_when_the_model_is_built(options, reason):
    with pytest.raises(UserError, match=reason):
        build(**options)


def test_the_trial_changes_nothing_in_the_backbone():
    torch.manual_seed(0)
    alone = Foreign()
    torch.manual_seed(0)
    tried = build().backbone
    assert tried.training and tried.norm.training
    for name, value in alone.state_dict().items():
        torch.testing.assert_close(tried.state_dict()[name], value, rtol=0, atol=0)


def test_hrposes_own_parts_are_not_tried(monkeypatch):
    def forbidden(*_):
        raise AssertionError('tried')

    monkeypatch.setattr('hrpose.models.estimators.fit._try', forbidden)
    head = dict(type='HeatmapHead', codec=dict(CODEC), out_channels=17)
    backbone = dict(type='HRNet', arch='w16_small')
    model = MODELS.build(
        dict(type='TopdownPoseEstimator', backbone=backbone, head=head, metainfo=resolve('coco'))
    )  # fmt: skip
    assert model.head.final_layer.in_channels == 16


@pytest.mark.parametrize(('codec', 'shift'), [('MSRAHeatmap', True), ('DarkHeatmap', True), ('UDPHeatmap', False)])
def test_the_flip_tests_shift_follows_the_codec(codec, shift):
    assert build(codec={**CODEC, 'type': codec}).flip_shift is shift


def test_a_shift_on_a_grid_of_aligned_corners_is_refused():
    head = build(codec={**CODEC, 'type': 'UDPHeatmap'}).head
    with pytest.raises(UserError, match=r'model.flip_shift is True, but UDPHeatmap aligns corners, .*leave flip_shift'):
        fit_flip_shift(True, head)
    assert fit_flip_shift(False, head) is False


def test_flip_test_is_true_or_false():
    with pytest.raises(UserError, match="model.flip_test is 'maybe'; give True or False"):
        build(flip_test='maybe')
