"""The ceiling that the heatmap size sets to AP."""

import json

import cv2
import numpy as np

from hrpose.analysis.ap_ceiling import heatmap_ceiling, roundtrip_samples
from hrpose.codecs import DarkHeatmap, MSRAHeatmap, UDPHeatmap
from hrpose.datasets import CocoDataset
from hrpose.datasets.metainfo import resolve
from hrpose.evaluation import CocoMetric


def write_people(folder, rng, count: int = 40) -> CocoDataset:
    """Write people with random joints inside their boxes; returns the data set."""
    cv2.imwrite(str(folder / '1.jpg'), np.zeros((240, 320, 3), np.uint8))
    annotations = []
    for index in range(count):
        x, y = rng.uniform(0, 180), rng.uniform(0, 80)
        points = np.column_stack([rng.uniform(x + 10, x + 90, 17), rng.uniform(y + 10, y + 140, 17), np.full(17, 2)])
        annotations.append(
            dict(id=index + 1, image_id=index + 1, category_id=1, iscrowd=0, bbox=[x, y, 100, 150], area=9000.0)
            | dict(num_keypoints=17, keypoints=points.ravel().tolist())
        )
    images = [dict(id=index + 1, file_name='1.jpg', width=320, height=240) for index in range(count)]
    info = resolve('coco')
    category = dict(id=1, name='person', keypoints=list(info['keypoint_names']), skeleton=[])
    (folder / 'ann.json').write_text(json.dumps(dict(images=images, annotations=annotations, categories=[category])))
    return CocoDataset(
        'ann.json',
        data_root=str(folder),
        pipeline=[dict(type='PadBox', input_size=(192, 256))],
        test_mode=True,
    )


def test_ceiling_rises_with_the_heatmap_and_is_near_one_at_256x192(tmp_path, rng):
    dataset = write_people(tmp_path, rng)
    ceilings = [
        heatmap_ceiling(dataset, MSRAHeatmap((192, 256), size), [CocoMetric(str(tmp_path / 'ann.json'), 'coco')])
        for size in ((12, 16), (24, 32), (48, 64))
    ]
    values = [ceiling['coco/AP'] for ceiling in ceilings]
    assert values[0] < values[1] < values[2]
    assert values[2] > 0.95


def test_roundtrip_is_off_by_at_most_half_a_cell_on_each_axis(tmp_path, rng):
    dataset, codec = write_people(tmp_path, rng), MSRAHeatmap((192, 256))
    for sample in roundtrip_samples(dataset, codec):
        error = np.abs(sample.pred_instances.keypoints - sample.gt_instances.keypoints).max()
        assert error <= 0.5 * 4 * sample.box_size[0] / 192 + 1e-4


def test_exact_targets_raise_the_ceiling(tmp_path, rng):
    dataset = write_people(tmp_path, rng)
    ceilings = [
        heatmap_ceiling(dataset, kind((48, 64)), [CocoMetric(str(tmp_path / 'ann.json'), 'coco')])['coco/AP']
        for kind in (MSRAHeatmap, DarkHeatmap, UDPHeatmap)
    ]
    assert ceilings[0] < min(ceilings[1:])


def test_udp_finds_joints_of_the_image_to_a_hundredth_of_a_cell(tmp_path, rng):
    dataset, codec = write_people(tmp_path, rng), UDPHeatmap((192, 256))
    for sample in roundtrip_samples(dataset, codec):
        error = np.abs(sample.pred_instances.keypoints - sample.gt_instances.keypoints)
        low = sample.box_center - sample.box_size / 2
        place = (sample.gt_instances.keypoints - low) / sample.box_size * codec.heatmap_size
        inside = ((place > 13) & (place < np.array(codec.heatmap_size) - 13)).all(axis=-1)
        assert error[inside].max(initial=0) <= 0.01 * sample.box_size[0] / 48
