"""People's crops, to calibrate 8-bit networks with and to compare exported networks on."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from mmengine.config import Config

from hrpose.apis.box_file import BoxFile
from hrpose.apis.sources import Broken, open_source
from hrpose.apis.stream import given_boxes
from hrpose.config import each_dataset
from hrpose.errors import UserError
from hrpose.export.metadata import Metadata
from hrpose.export.runtime import cut_out
from hrpose.registry import DATASETS


def crops_of_images(source: str, metadata: Metadata, boxes: BoxFile | None = None) -> Iterator[np.ndarray]:
    """Yield the crops (h, w, 3) uint8 RGB of the people in images.

    Args:
        source: an image, folder, pattern or video.
        metadata: of the network, which says how it crops.
        boxes: of the people; None makes each image one person.

    Raises:
        UserError: there is no such file, or an image or box is wrong.
    """
    for found in given_boxes(_frames(source), boxes or 'whole_image'):
        if isinstance(found, Broken):
            raise UserError(found.reason)
        frame, people = found
        yield from cut_out(frame.rgb, people.boxes, metadata)[0]


def _frames(source: str) -> Iterator[Any]:
    for frame in open_source(source).read():
        if isinstance(frame, Broken):
            raise UserError(frame.reason)
        yield frame


def crops_of_dataset(cfg: Config, loader: str, count: int) -> Iterator[np.ndarray]:
    """Yield at most `count` crops (h, w, 3) uint8 RGB from all over a data set of a config, cut as in a test.

    Args:
        cfg: a linked config.
        loader: the key of the data set's loader: 'train_dataloader' or 'val_dataloader'.
        count: the most crops.

    Raises:
        UserError: the config has no such data set, or it cannot be read.
    """
    if cfg.get(loader) is None or cfg.get('test_dataloader') is None:
        raise UserError(f'the config {cfg.filename or "given"} has no {loader} to take crops from; name images instead')
    part = cfg[loader].dataset.copy()
    _, tested = next(each_dataset(cfg.test_dataloader.dataset, 'test_dataloader.dataset'))
    for _, each in each_dataset(part, loader):
        each.pipeline = tested.pipeline
    people = DATASETS.build(part)
    for index in np.unique(np.linspace(0, len(people) - 1, min(count, len(people))).astype(int)).tolist():
        yield people[index]['inputs'].permute(1, 2, 0).contiguous().numpy()
