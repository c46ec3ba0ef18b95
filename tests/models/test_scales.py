"""Multi-scale test: one scale changes nothing, and a blob is found at its place at every scale."""

import cv2
import numpy as np
import pytest
import torch

from hrpose.codecs import MSRAHeatmap, UDPHeatmap
from hrpose.config import load_config
from hrpose.datasets.transforms import SIX_SCALES, MultiScaleWarp, PackPose, WarpAffine
from hrpose.errors import UserError
from hrpose.models.estimators.scales import average_scales
from hrpose.registry import MODELS
from hrpose.structures import apply_affine

SIZE = (96, 128)
BLOB = (141.0, 77.0)


@pytest.fixture
def record():
    """A person whose region is 120 x 160 px of an image with a soft blob, and noise around the region."""
    rng = np.random.default_rng(0)
    image = np.zeros((240, 320, 3), np.float32)
    y, x = np.mgrid[:240, :320]
    image += 255 * np.exp(-((x - BLOB[0]) ** 2 + (y - BLOB[1]) ** 2) / (2 * 10**2))[..., None]
    region = dict(center=np.array([160.0, 100.0]), size=np.array([120.0, 160.0]), rotation=0.0, flip=False)
    known = dict(id=1, img_id=1, img_path='a.jpg', ori_shape=(240, 320), box=np.array([100, 20, 220, 180]), box_score=1)
    joints = dict(keypoints=rng.uniform(110, 170, (17, 2)), visible=np.ones(17))
    return dict(img=image.astype(np.uint8), **region, **known, **joints)


def crops(record, *scales):
    """Return the packed crops (S, 3, H, W) of a record, and its sample."""
    packed = PackPose()(MultiScaleWarp(SIZE, range(17), scales)(record))
    return packed['inputs'], packed['data_samples']


def middle(heatmap):
    """Return the centroid (x, y), in input px, of what is high in a heatmap (32, 24)."""
    weights = heatmap.clamp_min(0.3) - 0.3
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(24.0), indexing='ij')
    return np.array([float((axis * weights).sum() / weights.sum()) * 4 for axis in (x, y)])


@pytest.mark.parametrize('scales', [*([scale] for scale in SIX_SCALES), SIX_SCALES, (0.5, 2.0)])
def test_a_blob_is_found_at_its_place_at_every_scale(scales, record):
    images, sample = crops(record, *scales)
    assert (images.shape, sample.scales) == ((len(scales), 3, 128, 96), tuple(scales))
    codec = MSRAHeatmap(SIZE)
    heatmaps = images[:, :1, ::4, ::4].float() / 255
    (heatmap,) = average_scales(heatmaps, scales, codec)[:, 0]
    expected = apply_affine(np.array(BLOB), WarpAffine(SIZE, range(17))(record)['matrix'])
    np.testing.assert_allclose(middle(heatmap), expected, atol=0.3)
    assert heatmap.max() == pytest.approx(1, abs=0.1)
    for scale, own in zip(scales, heatmaps[:, 0], strict=True):
        away = np.abs(middle(own) - expected).max()
        assert (away < 0.3) if scale == 1 else (away > 1)


def test_with_aligned_corners_the_middle_stays_in_the_middle():
    heatmaps = torch.zeros(2, 1, 31, 23)
    heatmaps[..., 15, 11] = 1
    averaged = average_scales(heatmaps, (1.0, 1.3), UDPHeatmap((89, 121), (23, 31)))
    assert averaged.argmax() == 15 * 23 + 11 and averaged.max() == pytest.approx(1)


def test_larger_regions_show_more_of_the_image(record):
    images, _ = crops(record, 1.0, 1.3)
    once = cv2.resize(images[1].permute(1, 2, 0).numpy(), None, fx=1.3, fy=1.3, interpolation=cv2.INTER_LINEAR)
    top, left = (once.shape[0] - 128) // 2, (once.shape[1] - 96) // 2
    inner = once[top : top + 128, left : left + 96].astype(float)
    assert np.abs(inner - images[0].permute(1, 2, 0).numpy()).mean() < 2


def test_a_mean_leaves_out_scales_that_do_not_show_a_cell():
    heatmaps = torch.ones(2, 1, 32, 24)
    torch.testing.assert_close(average_scales(heatmaps, (1.0, 0.5), MSRAHeatmap(SIZE)), heatmaps[:1])


@pytest.mark.parametrize('flip_test', [True, False])
def test_the_scale_1_alone_changes_no_digit(flip_test, record, repository):
    model = small_model(repository, flip_test)
    results = []
    for warp in (WarpAffine(SIZE, range(17)), MultiScaleWarp(SIZE, range(17), [1.0])):
        packed = PackPose()(warp(record))
        results.append(model.test_step({key: [value, value] for key, value in packed.items()}))
    for one, two in zip(*results, strict=True):
        for name in ('keypoints', 'keypoint_scores'):
            np.testing.assert_array_equal(one.pred_instances[name], two.pred_instances[name])


def test_six_scales_of_several_people_are_each_their_own(record, repository):
    model = small_model(repository, True)
    other = {**record, 'center': record['center'] + 20}
    packed = [PackPose()(MultiScaleWarp(SIZE, range(17))(each)) for each in (record, other)]
    together = model.test_step({key: [each[key] for each in packed] for key in packed[0]})
    together = [sample.pred_instances.keypoints.copy() for sample in together]
    for each, found in zip(packed, together, strict=True):
        (alone,) = model.test_step({key: [value] for key, value in each.items()})
        np.testing.assert_allclose(alone.pred_instances.keypoints, found, atol=1e-3)


def test_training_takes_one_crop_a_person(record, repository):
    packed = PackPose()(MultiScaleWarp(SIZE, range(17))(record))
    model = small_model(repository, False)
    data = model.data_preprocessor({key: [value] for key, value in packed.items()})
    with pytest.raises(UserError, match='training: takes one crop a person'):
        model(**data, mode='loss')


def test_scales_are_positive_numbers():
    for wrong in ([], [0], [1, -1], ['1']):
        with pytest.raises(UserError, match='MultiScaleWarp: scales has to be'):
            MultiScaleWarp(SIZE, range(17), wrong)


def small_model(repository, flip_test):
    """Return the demo's model, with the six scales put into its test pipeline as the docstring says."""
    torch.manual_seed(0)
    options = {'test_pipeline.2.type': 'MultiScaleWarp', 'model.flip_test': flip_test}
    cfg = load_config(repository / 'configs/hrnet_w16_synthetic_128x96.py', options)
    step = cfg.test_dataloader.dataset.pipeline[2]
    assert (step.type, tuple(step.input_size)) == ('MultiScaleWarp', SIZE)
    return MODELS.build(cfg.model).eval()
