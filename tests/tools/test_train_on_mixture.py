"""Training on data sets with different keypoints, by config alone."""

import re

import torch

from tests.datasets.mixture import COCO, config_lines, named, two_parts


def test_an_epoch_on_17_and_14_keypoints_trains(tiny_coco, tiny_config, tmp_path, call):
    val = tiny_coco(joints=17, images=2, name='val', edit=named(COCO))
    config = tiny_config(val, extra=config_lines(two_parts(tiny_coco)))
    status, output = call('train', config, '--work-dir', tmp_path / 'run')
    assert status == 0, output[-3000:]
    assert "datasets.1 ('lsp') has 12 of the target's 17 joints; unlabelled: nose, left_eye" in output
    assert 'samples of each part in an epoch: 7 of 6, 2 of 3' in output
    assert re.search(r'Epoch\(train\) \[1\]\[3/3\].*loss: \d', output)
    assert re.search(r'coco/AP: [\d.]+', output)
    weights = torch.load(tmp_path / 'run' / 'epoch_1.pth', weights_only=False)['state_dict']
    assert weights['head.final_layer.weight'].shape[0] == 17
