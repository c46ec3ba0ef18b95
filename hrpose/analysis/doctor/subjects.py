"""What is examined: the data sets of a config, or an annotation file with its images."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hrpose.analysis.doctor.finding import Finding
from hrpose.analysis.doctor.images import Load
from hrpose.analysis.doctor.metainfo import check_metainfo, usable_metainfo
from hrpose.codecs import MSRAHeatmap
from hrpose.config import each_dataset, link, read_config
from hrpose.datasets import CocoDataset
from hrpose.datasets.metainfo import resolve
from hrpose.datasets.transforms import LoadImage
from hrpose.registry import CODECS, DATASETS, TRANSFORMS

SPLITS = ('train', 'val', 'test')


@dataclass(frozen=True)
class Subject:
    """A data set to examine."""

    title: str  # its name in the report
    ann_file: str  # annotation file
    folder: str  # of the images, '' if unknown
    metainfo: Mapping[str, Any] | None  # complete, or None to take the joints from the file
    bbox_file: str | None  # a detector's results, or None
    load: Load  # a `LoadImage`
    codec: Any  # for the round trip
    dataset: Mapping[str, Any]  # its config, without `metainfo`

    @property
    def in_coco_layout(self) -> bool:
        """Whether `ann_file` is a COCO JSON, which states more than the data set's records do."""
        return issubclass(DATASETS.get(self.dataset['type']) or object, CocoDataset)

    def build(self, metainfo: Mapping[str, Any]) -> Any:
        """Return the data set with these joints and, as in training, with annotated boxes."""
        return DATASETS.build({**self.dataset, 'metainfo': metainfo, 'test_mode': False})


def subject_of_file(
    ann_file: str, folder: str, *, metainfo: str | None, bbox_file: str | None, input_size: Sequence[int]
) -> Subject:
    """Return the data set of a COCO keypoint JSON and the `folder` of its images.

    Args:
        ann_file: the JSON.
        folder: of the images; '' if unknown.
        metainfo: a known name, or None to take the joints from the file.
        bbox_file: a detector's results, or None.
        input_size: (w, h) of the network's input, for the ceiling.
    """
    width, height = input_size
    pipeline = [dict(type='PadBox', input_size=(width, height))]
    absolute = str(Path(ann_file).absolute())
    return Subject(
        title=Path(ann_file).stem,
        ann_file=ann_file,
        folder=folder,
        metainfo=resolve(metainfo) if metainfo else None,
        bbox_file=bbox_file,
        load=LoadImage(),
        codec=MSRAHeatmap((width, height)),
        dataset=dict(type='CocoDataset', ann_file=absolute, data_prefix=dict(img=folder), pipeline=pipeline),
    )


def subjects_of_config(
    config: str, options: Mapping[str, Any], splits: Sequence[str] = SPLITS
) -> tuple[list[Finding], list[Subject]]:
    """Return the findings about a config's metainfo, and its data sets; one that several splits share only once."""
    cfg = read_config(config, options)
    written = cfg._cfg_dict.to_dict().get('metainfo', 'coco')
    findings = check_metainfo(written)
    cfg.metainfo = usable_metainfo(written, findings)
    subjects: dict[tuple, Subject] = {}
    for subject in _subjects(link(cfg), splits):
        subjects.setdefault((subject.ann_file, subject.folder, subject.bbox_file), subject)
    return findings, list(subjects.values())


def _subjects(cfg: Any, splits: Sequence[str]) -> Iterator[Subject]:
    for split in splits:
        loader = cfg.get(f'{split}_dataloader')
        for title, dataset in each_dataset(loader.dataset, split) if loader else ():
            settings = dataset.to_dict()
            root = settings.get('data_root', '')
            load = next((step for step in settings['pipeline'] if step['type'] == 'LoadImage'), dict(type='LoadImage'))
            bbox_file = settings.pop('bbox_file', None)
            yield Subject(
                title=title,
                ann_file=str(Path(root, settings['ann_file'])),
                folder=str(Path(root, (settings.get('data_prefix') or {}).get('img', ''))),
                metainfo=settings.get('metainfo'),
                bbox_file=str(Path(root, bbox_file)) if bbox_file else None,
                load=TRANSFORMS.build(load),
                codec=CODECS.build(cfg.codec.to_dict()),
                dataset=settings,
            )
