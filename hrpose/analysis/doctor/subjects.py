"""The data sets to examine, of a config or of an annotation file, and the checks of a config's metainfo. K joints."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hrpose.analysis.doctor.finding import Finding
from hrpose.analysis.doctor.images import Load
from hrpose.codecs import MSRAHeatmap
from hrpose.config import each_dataset, link, read_config
from hrpose.datasets import CocoDataset
from hrpose.datasets.metainfo import infer_flip_indices, resolve
from hrpose.datasets.transforms import LoadImage
from hrpose.errors import some_of
from hrpose.registry import CODECS, DATASETS, TRANSFORMS

SPLITS = ('train', 'val', 'test')
METAINFO = 'metainfo of the config'


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
        kind = DATASETS.get(self.dataset['type'])
        return kind is not None and issubclass(kind, CocoDataset) and kind.is_plain

    def build(self, metainfo: Mapping[str, Any]) -> Any:
        """Return the data set with these joints and, as in training, with annotated boxes."""
        return DATASETS.build({**self.dataset, 'metainfo': metainfo, 'test_mode': False})


def subject_of_file(
    ann_file: str, folder: str, *, metainfo: str | None, bbox_file: str | None, input_size: Sequence[int]
) -> Subject:
    """Return the data set of a COCO keypoint JSON; see `Subject` for the arguments.

    `metainfo` is a known name, and `input_size` the (w, h) px of the network's input, for the ceiling.
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


def check_metainfo(metainfo: Any) -> list[Finding]:
    """Return the faults of a config's metainfo; a name, which stands for a known metainfo, has none."""
    if not isinstance(metainfo, Mapping) or not metainfo.get('keypoint_names'):
        return []
    return [*flip_indices(metainfo), *sigma_count(metainfo)]


def usable_metainfo(metainfo: Any, findings: Sequence[Finding]) -> Any:
    """Return the metainfo without the fields that have errors, so that the rest of a data set can be examined."""
    errors = [finding for finding in findings if finding.severity == 'error']
    wrong = {'flip_indices' if finding.fault == 'flip_pairs' else 'sigmas' for finding in errors}
    return {key: value for key, value in metainfo.items() if key not in wrong} if wrong else metainfo


def flip_indices(metainfo: Mapping[str, Any]) -> Iterator[Finding]:
    """Find flip pairs that do not undo themselves, that are not one a joint, or that contradict the joints' names."""
    flip, names = metainfo.get('flip_indices'), tuple(metainfo['keypoint_names'])
    if not flip:
        return
    advice = 'give each joint the index of its mirrored joint; or leave it out and name joints left_… and right_…'
    if len(flip) != len(names) or any(index not in range(len(names)) for index in flip):
        explanation = f'flip_indices {list(flip)} is not one index from 0 to {len(names) - 1} for each joint'
        yield Finding('flip_pairs', 'error', METAINFO, explanation, advice)
    elif wrong := [joint for joint, mirror in enumerate(flip) if flip[mirror] != joint]:
        chains = [f'{names[joint]} -> {names[flip[joint]]} -> {names[flip[flip[joint]]]}' for joint in wrong]
        explanation = f'flipping twice has to give a joint back, but: {some_of(chains)}; flipped samples would be wrong'
        yield Finding('flip_pairs', 'error', METAINFO, explanation, advice)
    elif other := [
        f'{names[joint]} with {names[flip[joint]]}'
        for joint, mirror in enumerate(infer_flip_indices(names))
        if mirror not in (joint, flip[joint])
    ]:
        explanation = f'flip_indices pairs {some_of(other)}, which contradicts their names'
        advice = 'leave flip_indices out: the pairs follow from the names'
        yield Finding('flip_names', 'warning', METAINFO, explanation, advice)


def sigma_count(metainfo: Mapping[str, Any]) -> Iterator[Finding]:
    """Find sigmas that are not one positive number a joint."""
    sigmas, count = metainfo.get('sigmas'), len(metainfo['keypoint_names'])
    if sigmas and not (len(sigmas) == count and all(isinstance(s, int | float) and s > 0 for s in sigmas)):
        explanation = f'sigmas has {len(sigmas)} entries for {count} joints; OKS needs a number above 0 for each joint'
        yield Finding('sigma_count', 'error', METAINFO, explanation, 'give one a joint, or none: then all are 0.05')
