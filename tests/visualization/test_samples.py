"""Drawings of samples: ground truth beside prediction, sheets of people, and the visualizer."""

import json

import numpy as np
import pytest
from mmengine.structures import InstanceData

from hrpose.datasets import metainfo
from hrpose.errors import UserError
from hrpose.images.files import read_image
from hrpose.registry import VISUALIZERS
from hrpose.structures import PoseDataSample
from hrpose.visualization import PoseVisualizer, draw_samples, prediction_sheet

COCO = metainfo.resolve('coco')
IMAGE = np.full((120, 160, 3), 90, np.uint8)


def make_sample(rng, *, truth: bool = True, prediction: bool = True) -> PoseDataSample:
    keypoints = rng.uniform((40, 20), (120, 100), (1, 17, 2))
    common = dict(keypoints=keypoints, bboxes=np.array([[40.0, 20, 120, 100]]))
    sample = PoseDataSample()
    if truth:
        sample.gt_instances = InstanceData(keypoints_visible=np.ones((1, 17)), **common)
    if prediction:
        sample.pred_instances = InstanceData(keypoint_scores=np.full((1, 17), 0.8), **common)
    return sample


def test_truth_stands_beside_prediction_where_there_are_both(rng):
    drawn = draw_samples(IMAGE, [make_sample(rng), make_sample(rng)], COCO)
    assert drawn.shape[1] > 2 * IMAGE.shape[1]


@pytest.mark.parametrize(('truth', 'prediction'), [(True, False), (False, True)])
def test_one_of_the_two_alone_keeps_the_images_size(rng, truth, prediction):
    sample = make_sample(rng, truth=truth, prediction=prediction)
    for kept in (
        draw_samples(IMAGE, sample, COCO),
        draw_samples(IMAGE, make_sample(rng), COCO, draw_gt=truth, draw_pred=prediction),
    ):
        assert kept.shape == IMAGE.shape and (kept != IMAGE).any()


def test_truth_without_a_visible_joint_counts_as_none(rng):
    sample = make_sample(rng)
    sample.gt_instances.keypoints_visible = np.zeros((1, 17))
    assert draw_samples(IMAGE, [sample], COCO).shape == IMAGE.shape


def test_an_image_without_people_comes_back_unchanged_as_a_copy():
    drawn = draw_samples(IMAGE, [], COCO)
    np.testing.assert_array_equal(drawn, IMAGE)
    assert not np.shares_memory(drawn, IMAGE)


def test_a_samples_dict_draws_like_the_sample(rng):
    sample = make_sample(rng)
    np.testing.assert_array_equal(draw_samples(IMAGE, [sample.to_dict()], COCO), draw_samples(IMAGE, [sample], COCO))


def test_a_prediction_sheet_has_one_captioned_tile_a_person(rng):
    pairs = [(IMAGE, [make_sample(rng), make_sample(rng)]), (IMAGE, make_sample(rng))]
    seen = []
    sheet = prediction_sheet(pairs, COCO, 2, cell=(60, 80), caption=lambda sample: seen.append(sample) or 'x')
    assert len(seen) == 3
    assert sheet.shape[1] == 2 * 60 + 3 * 8 and sheet.shape[0] > 2 * 80


def test_a_sheet_without_predictions_is_refused(rng):
    with pytest.raises(UserError, match='needs samples with pred_instances'):
        prediction_sheet([(IMAGE, make_sample(rng, prediction=False))], COCO, 2)


def test_annotated_people_are_drawn_inside_their_boxes(sample_data):
    data = json.loads((sample_data / 'coco/test_coco.json').read_text())
    entry = data['images'][0]
    image = read_image(sample_data / 'coco' / entry['file_name'].rsplit('/', 1)[-1])
    for annotation in data['annotations']:
        if annotation['image_id'] != entry['id'] or not annotation['num_keypoints']:
            continue
        points = np.array(annotation['keypoints'], float).reshape(1, 17, 3)
        x, y, w, h = annotation['bbox']
        sample = PoseDataSample()
        sample.gt_instances = InstanceData(
            keypoints=points[..., :2],
            keypoints_visible=points[..., 2],
            bboxes=np.array([[x, y, x + w, y + h]]),
        )
        drawn = draw_samples(image, [sample], COCO)
        outside = np.ones(image.shape[:2], bool)
        outside[max(0, int(y) - 9) : int(y + h) + 9, max(0, int(x) - 9) : int(x + w) + 9] = False
        assert (drawn != image).any()
        np.testing.assert_array_equal(drawn[outside], image[outside])


def test_the_visualizer_is_built_by_name_and_writes_rgb(tmp_path, rng):
    visualizer = VISUALIZERS.build(
        dict(
            type='PoseVisualizer',
            name='by_name',
            vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')],
            save_dir=str(tmp_path),
        )
    )
    blue_in_rgb = np.zeros_like(IMAGE)
    blue_in_rgb[..., 2] = 200
    out_file = tmp_path / 'shown' / 'out.png'
    sample = make_sample(rng)
    visualizer.add_datasample('val', blue_in_rgb, sample, metainfo=COCO, out_file=out_file, step=3)
    visualizer.close()
    stored = read_image(tmp_path / 'vis_data/vis_image/val_3.png')
    np.testing.assert_array_equal(stored, draw_samples(blue_in_rgb, sample, COCO))
    np.testing.assert_array_equal(read_image(out_file), stored)
    assert list((tmp_path / 'vis_data').glob('events.out.tfevents*'))


def test_the_visualizer_takes_metainfo_or_says_what_is_missing(tmp_path, rng):
    visualizer = PoseVisualizer('no_meta')
    with pytest.raises(UserError, match='metainfo'):
        visualizer.add_datasample('a', IMAGE, make_sample(rng))
    visualizer.dataset_meta = COCO
    visualizer.add_datasample('a', IMAGE, make_sample(rng), out_file=tmp_path / 'a.png')
    assert (tmp_path / 'a.png').is_file()


def test_the_visualizer_makes_its_figure_when_something_is_drawn_on_it():
    visualizer = PoseVisualizer(name='with a figure')
    assert 'fig_save' not in vars(visualizer)
    visualizer.set_image(np.zeros((20, 30, 3), dtype=np.uint8))
    visualizer.draw_bboxes(np.array([[5, 5, 15, 15]]), edge_colors='r')
    assert visualizer.get_image().shape[:2] == (20, 30) and visualizer.get_image().any()
    given = PoseVisualizer('with an image', np.full((20, 30, 3), 255, dtype=np.uint8))
    assert given.get_image().shape[:2] == (20, 30)
    with pytest.raises(AttributeError, match='fig_sav'):
        _ = visualizer.fig_sav
