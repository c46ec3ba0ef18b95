"""Every registered codec, those of projects/ included, keeps the contract of hrpose/codecs/base.py."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from hrpose.codecs import Codec
from hrpose.codecs.base import aligns_corners, lengths
from hrpose.config import read_config
from hrpose.errors import UserError
from hrpose.registry import CODECS, MODELS

ROOT = Path(__file__).resolve().parents[2]
CODECS.import_from_location()
# A project's codec, by the config that registers it. pytest itself imports projects/ first: not while it collects.
PROJECTS = {
    name: config
    for config in ROOT.glob('projects/*/configs/*.py')
    for name in re.findall(r"^codec = dict\(type='(\w+)'", config.read_text(), re.M)
}
every_codec = pytest.mark.parametrize('name', sorted({*CODECS.module_dict, *PROJECTS}))


@pytest.fixture
def build() -> Callable[..., Codec]:
    """Build a codec by name, for an input of (96, 128) unless told otherwise."""

    def build(name: str, **options: Any) -> Codec:
        if name in PROJECTS:
            read_config(PROJECTS[name])
        return CODECS.build(dict(type=name, **{'input_size': (96, 128), **options}))

    return build


@pytest.fixture
def codec(build, name) -> Codec:
    return build(name)


@pytest.fixture
def keypoints() -> torch.Tensor:
    """Keypoints (3, 40, 2) in input px, at least one and a half cells inside the heatmaps."""
    return 6 + torch.rand(3, 40, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([80.0, 112.0])


def in_encoded_px(codec: Codec, decoded: torch.Tensor) -> torch.Tensor:
    """Return decoded keypoints (..., 2), in the input px that are encoded; see `Codec.decode`."""
    size = codec.input_size
    return decoded * torch.tensor(lengths(size, align_corners=aligns_corners(codec))) / torch.tensor(size)


def test_the_codecs_of_hrpose_and_of_projects_are_found():
    assert set(every_codec.args[1]) >= {'MSRAHeatmap', 'SubpixelHeatmap'}


@every_codec
def test_it_has_what_a_head_needs(codec):
    assert isinstance(codec, Codec)
    assert (codec.input_size, codec.heatmap_size) == ((96, 128), (24, 32))
    assert codec.stride == ((95 / 23, 127 / 31) if aligns_corners(codec) else (4, 4))


@every_codec
def test_another_heatmap_size_is_taken(build, name):
    codec = build(name, input_size=[96, 128], heatmap_size=[48, 64])
    heatmaps, _ = codec.encode(torch.full((1, 1, 2), 20.0), torch.ones(1, 1))
    assert heatmaps.shape == (1, 1, 64, 48)
    assert (codec.decode(heatmaps)[0] - 20).abs().max() <= 1


@every_codec
@pytest.mark.parametrize('size', [(0, 4), (4,), 'ab', 4, (96.5, 128)])
def test_a_wrong_size_is_refused(build, name, size):
    for key in ('input_size', 'heatmap_size'):
        with pytest.raises(UserError, match=f'{key} has to be two positive whole numbers'):
            build(name, **{key: size})


@every_codec
@pytest.mark.parametrize('device', ['cpu', 'meta', *(['cuda'] if torch.cuda.is_available() else [])])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_targets_are_float32_where_the_keypoints_are(codec, keypoints, device, dtype):
    heatmaps, weights = codec.encode(keypoints.to(device, dtype), torch.ones(3, 40, device=device))
    assert (heatmaps.shape, weights.shape) == ((3, 40, 32, 24), (3, 40))
    assert {(one.dtype, one.device.type) for one in (heatmaps, weights)} == {(torch.float32, device)}


@every_codec
@pytest.mark.parametrize('device', ['cpu', 'meta', *(['cuda'] if torch.cuda.is_available() else [])])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_keypoints_are_float32_where_the_heatmaps_are(codec, device, dtype):
    found, scores = codec.decode(torch.rand(2, 5, 32, 24).to(device, dtype))
    assert (found.shape, scores.shape) == ((2, 5, 2), (2, 5))
    assert {(one.dtype, one.device.type) for one in (found, scores)} == {(torch.float32, device)}


@every_codec
def test_a_round_trip_stays_within_half_a_cell(codec, keypoints):
    heatmaps, weights = codec.encode(keypoints, torch.ones(3, 40))
    assert (weights == 1).all()
    assert (in_encoded_px(codec, codec.decode(heatmaps)[0]) - keypoints).abs().max() <= 2 + 1e-5


@every_codec
def test_an_unlabelled_joint_has_no_weight(codec, keypoints):
    visible = torch.arange(3.0).repeat(40).view(3, 40)
    assert codec.encode(keypoints, visible)[1].tolist() == (visible > 0).float().tolist()


@every_codec
def test_each_heatmap_is_decoded_by_itself(codec):
    heatmaps = torch.randn(4, 5, 32, 24, generator=torch.Generator().manual_seed(1))
    alone = [codec.decode(heatmap.view(1, 1, 32, 24)) for heatmap in heatmaps.flatten(0, 1)]
    for together, parts in zip(codec.decode(heatmaps), zip(*alone, strict=True), strict=True):
        torch.testing.assert_close(together.flatten(), torch.cat(parts).flatten(), rtol=0, atol=0)


@every_codec
def test_nobody_gives_nothing(codec):
    assert codec.encode(torch.zeros(0, 5, 2), torch.zeros(0, 5))[0].shape == (0, 5, 32, 24)
    assert codec.decode(torch.zeros(0, 5, 32, 24))[0].shape == (0, 5, 2)


@every_codec
@pytest.mark.parametrize('value', [0.0, -1.0, 1.0])
def test_a_flat_heatmap_gives_finite_values(codec, value):
    assert all(one.isfinite().all() for one in codec.decode(torch.full((1, 2, 32, 24), value)))


@every_codec
def test_arguments_stay_as_they_are_and_no_gradient_is_recorded(codec, keypoints):
    heatmaps = torch.rand(2, 5, 32, 24, requires_grad=True)
    before = heatmaps.detach().clone(), keypoints.clone()
    results = [*codec.encode(keypoints.requires_grad_(), torch.ones(3, 40)), *codec.decode(heatmaps)]
    assert not any(one.requires_grad for one in results)
    assert torch.equal(heatmaps, before[0]) and torch.equal(keypoints, before[1])


@every_codec
def test_a_traced_decoding_decodes_other_heatmaps_too(codec, keypoints):
    first, other = (codec.encode(each, torch.ones(3, 40))[0] for each in (keypoints, keypoints.flip(1)))
    traced = torch.jit.trace(codec.decode, first)
    for found, wanted in zip(traced(other), codec.decode(other), strict=True):
        torch.testing.assert_close(found, wanted)


@every_codec
def test_the_decoding_compiles_into_one_graph(codec, keypoints):
    heatmaps, _ = codec.encode(keypoints, torch.ones(3, 40))
    compiled = torch.compile(codec.decode, fullgraph=True, backend='eager')
    for found, wanted in zip(compiled(heatmaps), codec.decode(heatmaps), strict=True):
        torch.testing.assert_close(found, wanted)


@every_codec
def test_keypoints_that_are_no_numbers_harm_nobody_else(codec, keypoints):
    wrong = keypoints.clone()
    wrong[0, 0] = torch.nan
    wrong[0, 1] = 1e9
    found = [codec.encode(each, torch.ones(3, 40))[0][1:] for each in (keypoints, wrong)]
    assert torch.equal(*found)


def test_a_head_refuses_what_is_no_codec(monkeypatch):
    monkeypatch.setitem(CODECS.module_dict, 'Half', type('Half', (), {'encode': None, 'input_size': (8, 8)}))
    with pytest.raises(UserError, match=r'model.head.codec: Half is not a codec; it needs .*, encode and decode'):
        MODELS.build(dict(type='HeatmapHead', codec=dict(type='Half'), in_channels=1, out_channels=1))
