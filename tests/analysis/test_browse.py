"""tools/data/browse.py draws the very crops that training gets, and their targets where training has them."""

import cv2
import numpy as np
import pytest
import torch

from hrpose.analysis.browse import visits
from hrpose.config import load_config
from hrpose.engine.launch import build_runner
from hrpose.visualization import draw_input


def trained_on(cfg, epoch: int, seed: int) -> list[torch.Tensor]:
    """Return the crops that a training of this config feeds to the network in an epoch, in their order."""
    cfg.randomness = dict(seed=seed)
    runner = build_runner(cfg, loaders=('train_dataloader',))
    loader = runner.build_dataloader(cfg.train_dataloader, seed=runner.seed)
    loader.sampler.set_epoch(epoch)
    return [image for batch in loader for image in batch['inputs']]


@pytest.mark.parametrize('workers', [0, 1])
def test_browsed_crops_equal_those_of_training(workers, tiny_coco, tiny_config, tmp_path):
    cfg = load_config(tiny_config(tiny_coco(images=5)), {'work_dir': str(tmp_path / 'run')})
    cfg.train_dataloader.num_workers = workers
    found = {}
    for seed, epoch in ((0, 0), (0, 2), (5, 2)):
        dataset, keys = visits(cfg, 'train', seed=seed, epoch=epoch)
        crops = [dataset[key]['inputs'] for key in keys]
        assert all(map(torch.equal, crops, trained_on(cfg, epoch, seed)))
        found[seed, epoch] = torch.stack(crops).sum().item()
    assert len(set(found.values())) == 3


def test_each_sheet_holds_sixteen_samples(tiny_coco, tiny_config, tmp_path, call):
    config = tiny_config(tiny_coco(images=18), tiny_coco(images=2, name='val'))
    status, output = call('data.browse', config, '--out', tmp_path, '--count', 17, '--seed', 3, '--epoch', 1)
    assert status == 0, output[-3000:]
    names = [f'train_seed3_epoch1_{start:04d}.png' for start in (0, 16)]
    assert sorted(path.name for path in tmp_path.glob('*.png')) == names
    large, small = (cv2.imread(str(tmp_path / name)).shape for name in names)
    assert large[0] > 4 * 320 > small[0]
    status, output = call('data.browse', config, '--out', tmp_path / 'val', '--split', 'val')
    assert (status, 'val has 2 samples' in output) == (0, True)


def test_people_without_labels_are_drawn_as_crops_alone(tiny_coco, tiny_config, tmp_path, call):
    data = tiny_coco(images=2)
    (data.root / 'boxes.json').write_text('[{"image_id": 0, "category_id": 1, "bbox": [5, 5, 30, 40], "score": 1}]')
    words = ['--split', 'test', '--out', tmp_path, '--cfg-options', 'test_dataloader.dataset.bbox_file=boxes.json']
    status, output = call('data.browse', tiny_config(data), *words)
    assert status == 0, output[-3000:]
    (path,) = tmp_path.glob('test_*.png')
    assert cv2.imread(str(path)).shape[1] < 2 * 320


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['--count', 0], 'above 0'),
        (['--split', 'vall'], 'invalid choice'),
        (['--cfg-options', 'train_dataloader=None'], 'no train_dataloader'),
        (['--cfg-options', 'data_root=/nowhere'], '/nowhere'),
    ],
)
def test_a_mistake_is_one_message(words, said, tiny_coco, tiny_config, call):
    status, output = call('data.browse', tiny_config(tiny_coco(images=2)), *words)
    assert (status, said in output, 'Traceback' in output) == (2, True, False)


def test_drawn_heatmap_peaks_on_the_joint():
    image, info = np.full((64, 64, 3), 128, np.uint8), {'keypoint_names': ('a', 'b')}
    heatmaps = np.zeros((2, 16, 16), np.float32)
    heatmaps[0, 5, 9] = 1
    tile = draw_input(image, np.array([[36.0, 20.0], [10.0, 50.0]]), np.array([1, 0]), heatmaps, info).astype(int)
    grey = (tile == 128).all(axis=2)
    posed, heated = np.split(grey, 2, axis=1)
    scale = len(tile) / 64
    for half in (posed, heated):
        rows, columns = np.nonzero(~half)
        middle = np.array([columns.mean(), rows.mean()])
        np.testing.assert_allclose((middle + 0.5) / scale - 0.5, [36, 20], atol=0.5)
