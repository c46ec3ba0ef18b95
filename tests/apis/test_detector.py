"""People's boxes from mmdet's detectors of each kind, on small images, with initial weights."""

import subprocess
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from hrpose.apis import Boxes, PersonDetector
from hrpose.checkpoints import convert_checkpoint
from hrpose.errors import UserError
from tests.apis.detectors import CONFIGS, make_images, small_config, small_detector
from tests.checkpoints.cases import saved
from tests.mmcv_ops import slow
from tests.tools.test_attack_files import ATTACKS

every_detector = pytest.mark.parametrize('name', CONFIGS)

COCO_CLASSES = 80


def everything(name: str) -> PersonDetector:
    """Return a detector that keeps all that its model finds, of any class and score."""
    model = small_detector(name)
    return PersonDetector(model, classes=model.dataset_meta['classes'], score_threshold=0)


def raw_output(detector: PersonDetector, make_image: np.ndarray) -> SimpleNamespace:
    """Return what the model itself gives for a make_image: boxes, scores and labels as arrays."""
    item = detector.prepare(make_image)
    with torch.no_grad():
        (sample,) = detector.model.test_step({key: [value] for key, value in item.items()})
    found = sample.pred_instances
    return SimpleNamespace(boxes=found.bboxes.numpy(), scores=found.scores.numpy(), labels=found.labels.numpy())


def assert_same(a: Boxes, b: Boxes) -> None:
    """Assert the same boxes, best first; boxes whose scores are closer than 1e-5 may change places."""
    np.testing.assert_allclose(a.scores, b.scores, rtol=0, atol=1e-5)
    apart = np.abs(a.boxes[:, None] - b.boxes[None]).max(axis=-1)
    same = (apart <= 1e-3) & (np.abs(a.scores[:, None] - b.scores[None]) <= 1e-5)
    assert same.any(axis=0).all() and same.any(axis=1).all()


def test_mmdet_is_imported_only_when_a_detector_is_built():
    script = (
        'import sys, hrpose.apis, hrpose.apis.detector, hrpose.apis.detections, hrpose.cli.detect\n'
        "print(*[name for name in sys.modules if name.startswith(('mmdet', 'mmcv.ops', 'mmcv._ext'))])"
    )
    done = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, '\n'), done.stderr


@every_detector
def test_boxes_do_not_depend_on_the_images_beside_it(name):
    detector = everything(name)
    images = make_images((96, 128), (128, 96), (60, 128), (96, 128))
    together = detector(images)
    assert len(together) == 4
    for image, found in zip(images, together, strict=True):
        assert len(found.boxes) > 5
        assert_same(found, detector([image])[0])


@every_detector
def test_boxes_are_float32_in_image_px_best_first(name):
    (image,) = make_images((200, 300))
    (found,) = everything(name)([image])
    assert found.boxes.dtype == found.scores.dtype == np.float32
    assert found.boxes.shape == (len(found.scores), 4)
    assert (np.diff(found.scores) <= 0).all()
    assert found.boxes[:, [0, 2]].max() > 150 and found.boxes[:, [1, 3]].max() > 100  # not in px of the 128 px input
    assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()


@every_detector
def test_only_named_classes_from_the_threshold_up_are_kept(name):
    model, (image,) = small_detector(name), make_images((96, 128))
    raw = raw_output(everything(name), image)
    assert len(raw.scores) > 5
    label = int(np.bincount(raw.labels).argmax())
    threshold = float(np.median(raw.scores[raw.labels == label]))
    names = [model.dataset_meta['classes'][label]]
    (found,) = PersonDetector(model, classes=names, score_threshold=threshold)([image])
    wanted = (raw.labels == label) & (raw.scores >= threshold) & (raw.boxes[:, 2:] > raw.boxes[:, :2]).all(axis=1)
    order = np.argsort(-raw.scores[wanted], kind='stable')
    assert 0 < len(found.scores) < len(raw.scores)
    assert_same(found, Boxes(raw.boxes[wanted][order], raw.scores[wanted][order]))


@every_detector
def test_nms_keeps_what_the_greedy_definition_keeps(name):
    (image,) = make_images((96, 128))
    detector = everything(name)
    (before,) = detector([image])
    detector.nms_threshold = 0.1
    (after,) = detector([image])
    kept = slow.nms(before.boxes.tolist(), before.scores.tolist(), 0.1)
    assert 0 < len(kept) < len(before.scores)
    np.testing.assert_array_equal(after.boxes, before.boxes[kept])
    np.testing.assert_array_equal(after.scores, before.scores[kept])


def test_the_default_is_the_class_person_of_cocos_eighty():
    model = small_detector('RTMDet')
    assert len(model.dataset_meta['classes']) == COCO_CLASSES
    assert PersonDetector(model).labels == (0,)


def test_no_images_and_no_people_give_empty_results():
    detector = PersonDetector(small_detector('YOLOX'), score_threshold=1)
    assert detector([]) == []
    (found,) = detector(make_images((96, 128)))
    assert (found.boxes.shape, found.scores.shape) == ((0, 4), (0,))


def test_boxes_without_area_and_infinite_ones_are_left_out(monkeypatch):
    detector = everything('RTMDet')
    boxes = torch.tensor([[5.0, 5, 5, 20], [5, 5, 20, 20], [5, 20, 20, 5], [5, 5, torch.inf, 20]])
    instances = SimpleNamespace(bboxes=boxes, scores=torch.tensor([0.9, 0.8, 0.7, 0.6]), labels=torch.zeros(4).long())
    monkeypatch.setattr(detector.model, 'test_step', lambda batch: [SimpleNamespace(pred_instances=instances)])
    (found,) = detector(make_images((96, 128)))
    assert found.boxes.tolist() == [[5, 5, 20, 20]]


def test_a_file_gives_the_boxes_of_its_pixels_as_stored(tmp_path):
    (image,) = make_images((96, 128))
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), image)
    detector = everything('YOLOX')
    assert_same(detector([path])[0], detector([image])[0])


def test_the_detectors_pipeline_gets_bgr_from_every_form(tmp_path):
    red = np.full((96, 128, 3), (0, 0, 255), np.uint8)  # BGR
    cv2.imwrite(str(tmp_path / 'red.png'), red)
    detector = everything('RTMDet')
    for form in (red, tmp_path / 'red.png', Image.fromarray(red[..., ::-1])):
        pixel = detector.prepare(form)['inputs'][:, 5, 5]
        assert pixel.tolist() == [0, 0, 255]
    assert detector.model.cfg.model.data_preprocessor.bgr_to_rgb is False  # RTMDet was trained on BGR


@pytest.mark.parametrize('kept', ['dataset_meta', 'CLASSES'])
@pytest.mark.parametrize('form', ['pth', 'safetensors'])
def test_a_checkpoint_of_mmdets_layout_loads_with_its_classes(form, kept, tmp_path):
    model, cfg = small_detector('RTMDet'), small_config('RTMDet')
    names = ('dog', *map(str, range(78)), 'person')
    meta = {'dataset_meta': {'classes': names, 'palette': [(1, 2, 3)]}} if kept == 'dataset_meta' else {kept: names}
    content = {'state_dict': model.state_dict(), 'meta': {'cfg': 'import os', 'epoch': 3, **meta}, 'message_hub': {}}
    path = saved(content, tmp_path / 'epoch_3.pth')
    if form == 'safetensors':
        pth, path = path, tmp_path / 'epoch_3.safetensors'
        convert_checkpoint(pth, path)
    detector = PersonDetector(cfg, path, score_threshold=0)
    assert detector.labels == (79,)
    assert list(detector.model.state_dict()) == list(model.state_dict())
    images = make_images((96, 128))
    assert_same(PersonDetector(model, classes=['toothbrush'], score_threshold=0)(images)[0], detector(images)[0])


@pytest.mark.parametrize('attack', ATTACKS)
def test_a_checkpoint_runs_nothing_that_it_brings(attack, tmp_path):
    hacked, path = tmp_path / 'hacked', tmp_path / 'evil.pth'
    content = {'state_dict': small_detector('YOLOX').state_dict(), 'meta': ATTACKS[attack](str(hacked))}
    saved(content, path)
    if attack.startswith('pickle'):
        with pytest.raises(UserError, match=r'evil\.pth: refused.*could run code'):
            PersonDetector(small_config('YOLOX'), path)
    else:
        PersonDetector(small_config('YOLOX'), path)
    assert not hacked.exists()


def test_another_detectors_checkpoint_is_refused(tmp_path):
    path = saved(small_detector('YOLOX').state_dict(), tmp_path / 'yolox.pth')
    with pytest.raises(UserError, match=r'does not fit'):
        PersonDetector(small_config('RTMDet'), path)


MISTAKES = {
    'class': (dict(classes=['persn']), "no class 'persn'; nearest: person"),
    'batch_size': (dict(batch_size=0), 'batch_size has to be at least 1, not 0'),
    'score_threshold': (dict(score_threshold=30), 'score_threshold has to be from 0 to 1, not 30'),
    'nms_threshold': (dict(nms_threshold=-0.1), 'nms_threshold has to be from 0 to 1'),
    'checkpoint': (dict(checkpoint='a.pth'), 'leave out the checkpoint'),
}


@pytest.mark.parametrize(('options', 'complaint'), MISTAKES.values(), ids=MISTAKES)
def test_a_wrong_option_fails_at_construction(options, complaint):
    with pytest.raises(UserError, match=complaint):
        PersonDetector(small_detector('RTMDet'), **options)


@pytest.mark.parametrize(
    ('given', 'complaint'),
    [
        ('mmdet::rtmdet/rtmdet_tiny_8xb32-300e_cocoo.py', 'nearest: rtmdet_tiny_8xb32-300e_coco.py'),
        ('nowhere::a.py', 'no package nowhere is installed'),
        ('configs/_base_/runtime.py', 'has no model'),
    ],
)
def test_a_config_without_a_detector_is_refused(given, complaint, repository, monkeypatch):
    monkeypatch.chdir(repository)
    with pytest.raises(UserError, match=complaint):
        PersonDetector(given)


def test_a_missing_device_is_refused():
    with pytest.raises(UserError, match="there is no device 'cud'"):
        PersonDetector(small_config('RTMDet'), device='cud')


def test_a_model_without_a_config_is_refused():
    model = torch.nn.Module()
    model.dataset_meta = {'classes': ('person',)}
    with pytest.raises(UserError, match='no test_pipeline'):
        PersonDetector(model)


def test_a_grey_image_has_three_equal_channels():
    detector = everything('YOLOX')
    grey = make_images((96, 128))[0][..., 0]
    assert_same(detector([grey])[0], detector([np.repeat(grey[..., None], 3, axis=2)])[0])


@pytest.mark.parametrize(
    ('images', 'complaint'),
    [
        ('a.jpg', r'write detector\(\[image\]\)'),
        (np.zeros((5, 5, 3), np.uint8), r'write detector\(\[image\]\)'),
        ([np.zeros((5, 5, 3))], 'float64'),
        ([np.zeros((0, 5, 3), np.uint8)], r'\(0, 5, 3\)'),
        (['/nowhere/a.jpg'], 'there is no such file'),
    ],
)
def test_what_is_not_an_image_is_refused(images, complaint):
    with pytest.raises(UserError, match=complaint):
        PersonDetector(small_detector('YOLOX'))(images)
