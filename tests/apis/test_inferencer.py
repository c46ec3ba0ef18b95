"""`PoseInferencer` on images: what comes back for which boxes, in which batches, and that it is what a test gives."""

import inspect

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from hrpose.apis import Boxes, PersonDetector, PoseInferencer, init_model
from hrpose.apis.detector import init_detector
from hrpose.apis.model import checked_device
from hrpose.config import load_config
from hrpose.errors import UserError
from hrpose.hardware import auto_device
from tests.apis.cases import SMALL_CONFIG, Detections
from tests.golden import fill_model

BOX = [10.0, 5.0, 60.0, 55.0]


def same(a, b) -> bool:
    return np.array_equal(a.keypoints, b.keypoints) and np.array_equal(a.scores, b.scores)


# Twice the same, overlapping, smaller than a pixel, outside, partly outside, far larger than the image.
ANY_BOXES = [
    BOX,
    BOX,
    [11, 5, 60, 55],
    [20, 20, 20.25, 20.5],
    [500, 500, 520, 560],
    [-30, -9, 9, 400],
    [-1e5, 0, 1e5, 9],
]


def test_given_boxes_come_back_one_row_each_in_order(pose, make_image):
    result = pose(make_image(), boxes=ANY_BOXES)
    assert np.array_equal(result.boxes, ANY_BOXES)
    assert np.array_equal(result.box_scores, np.ones(7))
    assert result.keypoints.shape == (7, 17, 2) and result.scores.shape == (7, 17)
    assert np.isfinite(result.keypoints).all()
    assert np.array_equal(result.keypoints[0], result.keypoints[1])


def test_boxes_with_scores_come_back_with_them(pose, make_image):
    result = pose(make_image(), boxes=Boxes(np.array([BOX, BOX]), np.array([0.25, 0.75])))
    assert result.box_scores.tolist() == [0.25, 0.75]


@pytest.mark.parametrize('nobody', [[], (), np.zeros((0, 4)), np.array([])], ids=['list', 'tuple', 'rows', 'flat'])
def test_an_empty_list_of_boxes_gives_zero_people(nobody, pose, make_image):
    result = pose(make_image(), boxes=nobody)
    assert len(result) == 0
    shapes = [getattr(result, name).shape for name in ('keypoints', 'scores', 'boxes', 'box_scores')]
    assert shapes == [(0, 17, 2), (0, 17), (0, 4), (0,)]
    assert result.to_dict()['people'] == [] and result.to_coco(1) == []
    assert [len(each) for each in pose([make_image(), make_image()], boxes=[nobody, [BOX]])] == [0, 1]


@pytest.mark.parametrize('call', [lambda p, i: p(i), lambda p, i: p([i]), lambda p, i: p.stream([i])])
def test_without_boxes_and_detector_the_three_ways_are_named(call, pose, make_image):
    with pytest.raises(UserError, match=r'boxes=\[\[x1.*detector=PersonDetector.*boxes=.whole_image.'):
        call(pose, make_image())


def test_the_whole_image_is_one_box_to_its_edges(pose, make_image):
    whole = pose(make_image(90, 40), boxes='whole_image')
    assert whole.boxes.tolist() == [[0, 0, 90, 40]]
    assert [each.boxes.tolist() for each in pose([make_image(9, 4)] * 2, boxes='whole_image')] == [[[0, 0, 9, 4]]] * 2


def test_no_images_give_no_results(pose):
    assert pose([], boxes=[]) == []


@pytest.mark.parametrize(
    ('boxes', 'said'),
    [
        ([[10, 10, 10, 20]], r'image 0: box 0 of 1, \(10, 10, 10, 20\), is 0 px wide and 10 px high'),
        ([BOX, [30, 30, 20, 10]], r'box 1 of 2, \(30, 30, 20, 10\), is -10 px wide and -20 px high'),
        ([[0, 0, float('nan'), 9]], r'box 0 of 1, \(0, 0, nan, 9\), has a coordinate that is not finite'),
        ([[0, 0, float('inf'), 9]], 'a coordinate that is not finite'),
        (BOX, r'\(4,\); one box is \[\[x1, y1, x2, y2\]\]'),
        ([[*BOX, 0.9]], r'\(1, 5\); with scores give Boxes\(boxes, scores\)'),
        ([[[1, 2, 3, 4]]], r'not \(1, 1, 4\)'),
        ([[]], r'not \(1, 0\)'),
        ([[1, 2, 3, 4], [1, 2]], 'boxes have to be numbers'),
        ([['a', 2, 3, 4]], 'boxes have to be numbers'),
        ('whole', "boxes is 'whole'; the only word it may be is 'whole_image'"),
        (Boxes(np.array([BOX]), np.ones(2)), r'1 boxes need 1 finite scores, but the scores have shape \(2,\)'),
        (Boxes(np.array([BOX]), np.array([np.nan])), 'need 1 finite scores'),
    ],
)
def test_wrong_boxes_are_refused_with_their_row(boxes, said, pose, make_image):
    with pytest.raises(UserError, match=said):
        pose(make_image(), boxes=boxes)


@pytest.mark.parametrize(
    ('boxes', 'said'),
    [
        ([[BOX]], 'each of the 2 images, but it has 1'),
        ([[BOX]] * 3, 'each of the 2 images, but it has 3'),
        (Boxes(np.array([BOX]), np.ones(1)), 'but it has those of a single one'),
        ([BOX, BOX], 'image 0: .*one box is'),
        ([[BOX], None], 'image 1: '),
    ],
)
def test_several_images_need_boxes_each(boxes, said, pose, make_image):
    with pytest.raises(UserError, match=said):
        pose([make_image(), make_image()], boxes=boxes)


def test_sixty_four_images_give_what_one_call_each_gives(make_image, rng, monkeypatch):
    model = fill_model(init_model(load_config(SMALL_CONFIG, {'codec.input_size': (64, 64)})))
    heatmaps, decode = [], model.head.predict
    monkeypatch.setattr(model.head, 'predict', lambda maps: heatmaps.append(maps) or decode(maps))
    pose = PoseInferencer(model)
    images = [make_image(*rng.integers(40, 120, 2).tolist()) for _ in range(64)]
    low = [rng.uniform(-10, 60, (count, 2)) for count in rng.permutation(np.arange(64) % 10)]
    boxes = [np.hstack([corner, corner + rng.uniform(5, 80, corner.shape)]) for corner in low]
    people = sum(map(len, boxes))
    together = pose(images, boxes=boxes)
    assert [len(maps) for maps in heatmaps] == [8] * (people // 8) + [people % 8] * (people % 8 > 0)
    of_batches = torch.cat(heatmaps)
    heatmaps.clear()
    alone = [pose(image, boxes=own) for image, own in zip(images, boxes, strict=True)]
    torch.testing.assert_close(of_batches, torch.cat(heatmaps), rtol=0, atol=1e-5)
    assert [len(result) for result in together] == [len(own) for own in boxes]
    moved = np.concatenate([np.abs(a.keypoints - b.keypoints).max(-1) for a, b in zip(together, alone, strict=True)])
    assert (moved <= 1e-3).mean() >= 0.999
    for a, b, own in zip(together, alone, boxes, strict=True):
        assert np.array_equal(a.boxes, own)
        np.testing.assert_allclose(a.scores, b.scores, rtol=0, atol=1e-5)


def test_a_path_an_array_and_a_pil_image_of_one_image_give_the_same(pose, make_image, tmp_path):
    image = make_image()
    cv2.imwrite(str(tmp_path / 'p.png'), image)
    with Image.open(tmp_path / 'p.png') as opened:
        forms = [image, tmp_path / 'p.png', str(tmp_path / 'p.png'), opened, Image.fromarray(image[..., ::-1])]
        results = pose(forms, boxes=[[BOX]] * 5)
    for result in results[1:]:
        assert same(result, results[0])
    assert [result.source for result in results] == [None, str(tmp_path / 'p.png'), str(tmp_path / 'p.png'), None, None]
    assert {(result.image_size, result.frame_index) for result in results} == {((80, 60), None)}


def test_grey_has_three_equal_channels_and_alpha_counts_for_nothing(pose, make_image):
    grey = make_image()[..., 0].copy()
    three = np.dstack([grey] * 3)
    alpha = np.dstack([three, make_image()[..., 0]])
    pil = [Image.fromarray(grey), Image.fromarray(alpha)]
    results = pose([three, grey, grey[..., None], alpha, *pil], boxes=[[BOX]] * 6)
    assert all(same(result, results[0]) for result in results)


def test_a_config_its_name_its_content_and_a_ready_model_are_taken(make_image, tmp_path, monkeypatch):
    model = fill_model(init_model(SMALL_CONFIG))
    torch.save(model.state_dict(), tmp_path / 'weights.pth')
    image = make_image()
    expected = PoseInferencer(model)(image, boxes=[BOX])
    monkeypatch.chdir(tmp_path)
    for config in (SMALL_CONFIG, str(SMALL_CONFIG), SMALL_CONFIG.stem, load_config(SMALL_CONFIG)):
        again = PoseInferencer(config, checkpoint=tmp_path / 'weights.pth')
        assert same(again(image, boxes=[BOX]), expected)


def test_a_model_without_a_config_gets_the_published_crop(pose, make_image, model):
    bare = fill_model(init_model(SMALL_CONFIG))
    del bare.cfg
    image = make_image()
    assert same(PoseInferencer(bare)(image, boxes=[BOX]), pose(image, boxes=[BOX]))


def test_the_crop_is_the_one_of_the_configs_own_test_pipeline(pose, make_image, model):
    cfg = load_config(SMALL_CONFIG, {'test_pipeline.1.padding': 1.0})
    image = make_image()
    wide = PoseInferencer(fill_model(init_model(cfg)))(image, boxes=[BOX])
    assert not np.allclose(wide.scores, pose(image, boxes=[BOX]).scores, atol=1e-3)
    center, half = np.add(BOX[:2], BOX[2:]) / 2, np.subtract(BOX[2:], BOX[:2]) / 2 * 1.25
    larger = [*(center - half), *(center + half)]
    np.testing.assert_allclose(
        PoseInferencer(fill_model(init_model(cfg)))(image, boxes=[larger]).scores,
        pose(image, boxes=[BOX]).scores,
        rtol=0,
        atol=1e-4,
    )
    for part in ('val_dataloader', 'val_evaluator', 'test_dataloader', 'test_evaluator'):
        cfg.pop(part)
    assert same(PoseInferencer(fill_model(init_model(cfg)))(image, boxes=[BOX]), wide)


def test_a_model_left_in_training_is_set_to_eval_mode(pose, make_image, model):
    image = make_image()
    before = pose(image, boxes=[BOX])
    trained = PoseInferencer(fill_model(init_model(SMALL_CONFIG)).train())
    assert same(trained(image, boxes=[BOX]), before)


def test_the_detector_is_asked_only_where_no_boxes_are_given(model, make_image):
    nobody = Boxes(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))
    found = Boxes(np.array([BOX, [0, 0, 9, 9]], np.float32), np.array([0.9, 0.5], np.float32))
    detector = Detections(found, nobody, found, batch_size=2)
    pose = PoseInferencer(model, detector=detector)
    results = pose([make_image()] * 3)
    assert [len(result) for result in results] == [2, 0, 2]
    assert detector.calls == [2, 1]
    assert results[0].boxes.tolist() == [BOX, [0, 0, 9, 9]]
    np.testing.assert_allclose(results[0].box_scores, [0.9, 0.5], rtol=1e-6)
    assert pose(make_image(), boxes=[BOX]).boxes.tolist() == [BOX]
    assert detector.calls == [2, 1]


def test_detected_boxes_without_area_are_left_out(model, make_image):
    found = Boxes(np.array([[5, 5, 5, 9], BOX, [0, 0, np.nan, 4]], np.float32), np.array([0.9, 0.8, 0.7], np.float32))
    result = PoseInferencer(model, detector=Detections(found))(make_image())
    assert result.boxes.tolist() == [BOX]
    np.testing.assert_allclose(result.box_scores, [0.8], rtol=1e-6)


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        ({'model': 'hrnet_w16_synthetic_128x69'}, 'no config file .*nearest: hrnet_w16_synthetic_128x96'),
        ({'model': 'nothing/here.py'}, 'no config file nothing/here.py'),
        ({'model': torch.nn.Linear(1, 1)}, 'Linear is not a pose estimator'),
        ({'model': SMALL_CONFIG, 'checkpoint': 'nothing.pth'}, 'checkpoint nothing.pth: no such file'),
        ({'model': SMALL_CONFIG, 'device': 'gpu'}, "there is no device 'gpu' here"),
        ({'model': SMALL_CONFIG, 'batch_size': 0}, 'batch_size has to be at least 1, not 0'),
        ({'model': SMALL_CONFIG, 'detector': 'rtmdet'}, "a detector is a PersonDetector.*, not 'rtmdet'"),
    ],
)
def test_wrong_arguments_are_refused_at_construction(arguments, said):
    with pytest.raises(UserError, match=said):
        PoseInferencer(**arguments)


def test_a_ready_model_takes_no_checkpoint(model):
    with pytest.raises(UserError, match='has its weights; leave out the checkpoint'):
        PoseInferencer(model, 'weights.pth')


def test_initial_weights_cause_a_warning(monkeypatch):
    said = []
    monkeypatch.setattr('hrpose.apis.inferencer.print_log', lambda message, *_: said.append(message))
    PoseInferencer(SMALL_CONFIG)
    assert len(said) == 1 and 'the keypoints mean nothing' in said[0]


@pytest.mark.parametrize('size', [(1, 1), (20_000, 3), (3, 20_000), (32_766, 1)])
def test_images_of_one_pixel_and_very_long_ones_are_taken(size, pose):
    width, height = size
    result = pose(np.full((height, width, 3), 128, np.uint8), boxes=[[width - 1, height - 1, width, height]])
    assert result.image_size == size
    assert np.isfinite(result.keypoints).all()
    assert np.abs(result.keypoints - [width - 0.5, height - 0.5]).max() < 1.25


@pytest.mark.parametrize(('has_gpu', 'expected'), [(True, 'cuda'), (False, 'cpu')])
def test_auto_is_the_gpu_if_there_is_one(has_gpu, expected, monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: has_gpu)
    assert auto_device() == expected


def test_every_door_takes_auto_by_default():
    for door in (init_model, PoseInferencer, PersonDetector, init_detector):
        assert inspect.signature(door).parameters['device'].default == 'auto'
    assert checked_device('auto') == torch.device('cpu')  # as tests/conftest.py says
