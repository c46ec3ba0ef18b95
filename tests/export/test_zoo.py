"""Every shipped pose network exports, and its ONNX and OpenVINO files give what PyTorch gives.

Configs that differ only in data, joints, input size or training have the same network and codec, and the first of them
stands for all. Inputs are 128x128, as the size changes no operation.
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from mmengine.config import Config

from hrpose.apis import init_model
from hrpose.config import load_config
from hrpose.export.graph import CropsToKeypoints
from hrpose.export.verify import verify
from hrpose.export.write import export_model, write_openvino
from tests.test_configs import CONFIGS

SIZE = (128, 128)
# What changes no operation of the network: joints, losses, initial weights, and how it is trained and tested.
PASSED_OVER = {'codec', 'data_preprocessor', 'flip_test', 'init_cfg', 'loss', 'metainfo', 'out_channels', 'pretrained'}


def network_of(value: Any) -> Any:
    """Return the model of a config, without what changes no operation."""
    if isinstance(value, dict):
        return {key: network_of(each) for key, each in value.items() if key not in PASSED_OVER and each is not None}
    return [network_of(each) for each in value] if isinstance(value, list | tuple) else value


def small_input(cfg: Config) -> dict[str, Any]:
    """Return the options that give a config a small input, with heatmap cells of the same size."""
    sides = zip(SIZE, cfg.codec.input_size, cfg.codec.heatmap_size, strict=True)
    return {
        'codec.input_size': SIZE,
        'codec.heatmap_size': tuple(side * cells // whole for side, whole, cells in sides),
    }


def groups() -> list[list[Path]]:
    """Return the shipped pose configs, those with the same network and codec together."""
    found = defaultdict(list)
    for path in CONFIGS:
        cfg = load_config(path)
        codec = cfg.codec.to_dict() | {'input_size': None, 'heatmap_size': None, 'sigma': None}
        kind = [network_of(cfg.model.to_dict()), codec, small_input(cfg)]
        found[json.dumps(kind, sort_keys=True)].append(path)
    return list(found.values())


GROUPS = groups()


def test_every_shipped_config_is_in_one_group():
    assert sorted(path for group in GROUPS for path in group) == CONFIGS
    stands_for = {group[0].stem: {path.stem for path in group} for group in GROUPS}
    assert stands_for['hrnet_w48_coco_256x192_best'] >= {'hrnet_w48_coco_256x192_udp', 'hrnet_w48_coco_384x288_udp'}
    assert 'hrnet_w48_coco_256x192_dark' in stands_for
    assert stands_for['hrnet_w48_ap10k_256x256'] >= {'hrnet_w48_coco_256x192', 'hrnet_w48_mpii_256x256'}


def widen(model: Any, crops: np.ndarray) -> None:
    """Scale the last layer so that the cells of a heatmap differ, as in a trained network: by 3, standard deviation."""
    with torch.no_grad():
        maps = model.head.outputs(model.extract(torch.from_numpy(crops).permute(0, 3, 1, 2) / 64.0))['keypoint']
        model.head.final_layer.weight.mul_(3 / maps.std(dim=(2, 3)).mean())


def moved_by_rounding(model: Any, crops: np.ndarray) -> np.ndarray:
    """Return how far each keypoint moves, in cells (B, K), if heatmaps change by a millionth of the highest value.

    UDP and DARK divide by the curvature of a peak, which in a heatmap of an untrained network may be nearly 0.
    """
    graph = CropsToKeypoints(model, flip_test=True).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad(), patch.object(model.head, 'predict', wraps=model.head.predict) as predict:
        before, _ = graph(torch.from_numpy(crops))
        heatmaps = predict.call_args.args[0]
    least = 1e-6 * heatmaps.abs().max()
    changed = (heatmaps + least * torch.randn(heatmaps.shape, generator=generator) for _ in range(16))
    moves = [(model.head.predict(maps)[0] - before) / torch.tensor(model.head.codec.stride) for maps in changed]
    return torch.stack(moves).norm(dim=-1).amax(0).numpy()


@pytest.mark.slow
@pytest.mark.parametrize('group', GROUPS, ids=lambda group: group[0].stem)
def test_every_shipped_network_is_exported(group, tmp_path, record_property):
    coarse = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    crops = coarse.repeat(8, axis=1).repeat(8, axis=2)
    torch.manual_seed(0)
    model = init_model(load_config(group[0], small_input(load_config(group[0]))), device='cpu')
    divides = type(model.head.codec).__name__ in ('UDPHeatmap', 'DarkHeatmap')
    if divides:
        widen(model, crops)
    metadata = export_model(model, tmp_path / 'net.onnx', to='onnx', flip_test=True)
    write_openvino(tmp_path / 'net.onnx', metadata, tmp_path / 'net.xml')
    allowed = np.array(1e-3)
    if divides:
        allowed = allowed + 10 * moved_by_rounding(model, crops)
        assert np.median(allowed) < 0.01
    for form in ('onnx', 'xml'):
        found = verify(tmp_path / f'net.{form}', model, crops)
        record_property(form, f'{found.cells.max():.1e} {found.scores.max():.1e}')
        assert (found.cells <= allowed).all(), f'{form}: {found}'
        assert found.scores.max() <= 1e-4, f'{form}: {found}'
