"""The whole test protocol, from annotations and images to keypoints in image px."""

import numpy as np
import pytest

from tests.golden import golden
from tests.golden.make import ORIGINALS
from tests.golden.measure import predict


def assert_predicted(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found['item_id'].tolist() == expected['item_id'].tolist()
    np.testing.assert_allclose(found['boxes'], expected['boxes'], rtol=1e-7, atol=1e-3)
    np.testing.assert_allclose(found['keypoints_image'], expected['keypoints_image'], rtol=0, atol=0.01)
    np.testing.assert_allclose(found['scores'], expected['scores'], rtol=0, atol=1e-4)


def test_keypoints_of_twelve_real_people_are_the_official_ones(real_data):
    official = dict(np.load(ORIGINALS / 'chain_w32_coco.npz'))
    low, size = np.split(official['box_xywh'], 2, axis=1)
    assert_predicted(predict(real_data / 'coco'), official | {'boxes': np.hstack([low, low + size])})


def test_keypoints_of_twelve_drawn_people_stay_as_measured(drawn_data):
    assert_predicted(predict(drawn_data / 'coco'), golden('measured/chain_w32_drawn.npz'))


def test_the_measured_keypoints_notice_a_flip_test_without_shift(drawn_data):
    with pytest.raises(AssertionError, match='Mismatched elements'):
        assert_predicted(
            predict(drawn_data / 'coco', {'model.flip_shift': False}), golden('measured/chain_w32_drawn.npz')
        )
