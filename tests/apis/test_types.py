"""The types that a program sees: mypy checks them in `make check`, and the tests at run time."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from typing_extensions import assert_type

from hrpose.apis import Boxes, PoseInferencer, PoseResult
from hrpose.images.files import save_image

BOXES = [[1.0, 2.0, 30.0, 40.0]]


def test_one_image_gives_one_result(
    pose: PoseInferencer, make_image: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    path = save_image(tmp_path / 'a.png', make_image())
    for result in (
        assert_type(pose(make_image(), boxes=BOXES), PoseResult),
        assert_type(pose(path, 'whole_image'), PoseResult),
        assert_type(pose(str(path), boxes=np.array(BOXES)), PoseResult),
        assert_type(pose(Image.open(path), boxes=Boxes(np.array(BOXES), np.ones(1))), PoseResult),
    ):
        assert type(result) is PoseResult


def test_several_images_give_a_list_of_results(pose: PoseInferencer, make_image: Callable[..., np.ndarray]) -> None:
    for results in (
        assert_type(pose([make_image(), make_image()], boxes=[BOXES, []]), list[PoseResult]),
        assert_type(pose((make_image() for _ in range(2)), boxes='whole_image'), list[PoseResult]),
    ):
        assert [type(result) for result in results] == [PoseResult] * 2
