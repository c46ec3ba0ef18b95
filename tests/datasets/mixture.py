"""Two small data sets with different joints, and a config that trains on both."""

from collections.abc import Callable, Sequence
from typing import Any

from hrpose.datasets.metainfo import KNOWN

COCO, LSP = KNOWN['coco']['keypoint_names'], KNOWN['lsp']['keypoint_names']


def named(names: Sequence[str]) -> Callable[[dict[str, Any]], object]:
    """Return an edit of a tiny data set's JSON that calls its joints so."""
    return lambda content: content['categories'][0].update(keypoints=list(names))


def two_parts(tiny_coco: Callable[..., Any]) -> list[dict[str, Any]]:
    """Return configs of six people with COCO's 17 joints, and of three with the 14 of Leeds Sports Pose."""
    sources = [('coco', COCO, 6), ('lsp', LSP, 3)]
    data = [tiny_coco(joints=len(names), images=n, name=name, edit=named(names)) for name, names, n in sources]
    return [
        {'type': 'CocoDataset', **part.arguments, 'metainfo': name}
        for part, (name, *_) in zip(data, sources, strict=True)
    ]


def config_lines(parts: Sequence[dict[str, Any]]) -> str:
    """Return lines that make a config train on a mixture, three of the first part for one of the second."""
    mixed = [{key: value for key, value in part.items() if key != 'pipeline'} for part in parts]
    return (
        "metainfo = 'coco'\n"
        "train_dataloader = dict(batch_size=4, num_workers=0, sampler=dict(type='RatioSampler', ratios=(3, 1)),\n"
        f"    dataset=dict(_delete_=True, type='CombinedDataset', datasets={mixed!r}, mapping={{'head_top': None}}))"
    )
