"""`hrpose doctor`: examine data sets before any training: what is wrong, where, and what to do.

Exit status: 1 if there are errors, 0 if there are only warnings and notes. docs/doctor.md explains each finding.
"""

import argparse
import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

SPLITS = ('train', 'val', 'test')


def parse_arguments(words: Sequence[str] | None, prog: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=prog, description='Examine data sets before any training: what is wrong, where, and what to do.'
    )
    parser.add_argument('config', nargs='?', help='config whose data sets are examined')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='override its values')
    parser.add_argument('--split', choices=(*SPLITS, 'all'), default='all', help="which of the config's data sets")
    parser.add_argument('--ann', metavar='FILE', help='a COCO key point JSON, in place of a config')
    parser.add_argument('--images', metavar='DIR', default='', help='the folder of its images')
    parser.add_argument('--metainfo', metavar='NAME', help='of its joints; the names in the file unless given')
    parser.add_argument('--bbox-file', metavar='FILE', help="a detector's result file for its images")
    parser.add_argument(
        '--input-size', nargs=2, type=int, default=(192, 256), metavar=('W', 'H'), help='for the ceiling'
    )
    parser.add_argument('--no-images', action='store_true', help='open no image but those on the sheet')
    parser.add_argument('--workers', type=int, default=2, help='threads that read images (default 2)')
    parser.add_argument('--most', type=int, help='people encoded and decoded; everybody unless given')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/doctor'), help='folder of the overlay sheets')
    arguments = parser.parse_args(words)
    if bool(arguments.config) == bool(arguments.ann):
        parser.error('give either a config or --ann FILE')
    if arguments.workers < 1 or (arguments.most is not None and arguments.most < 1):
        parser.error('--workers and --most have to be above 0')
    return arguments


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Examine what the command line names; leave with status 1 if anything is an error."""
    arguments = parse_arguments(words, prog)
    from mmengine.logging import MMLogger
    from mmengine.registry import init_default_scope

    from hrpose.analysis.doctor import count_of
    from hrpose.plugins.openmmlab import prepare_openmmlab

    prepare_openmmlab()
    MMLogger.get_current_instance().setLevel(logging.ERROR)
    init_default_scope('hrpose')
    if arguments.config:
        found, subjects = from_config(arguments)
    else:
        found, subjects = [], [from_files(arguments)]
    for finding in found:
        print(finding)
    for subject in subjects:
        found += report(subject, arguments)
    print(f'\n{count_of(found)}')
    sys.exit(any(finding.severity == 'error' for finding in found))


def report(subject: Any, arguments: argparse.Namespace) -> list[Any]:
    """Examine one data set, print what was found, write its sheet; returns the findings."""
    from hrpose.analysis.doctor import examine, overlay_sheet
    from hrpose.visualization import save_picture

    print(f'\n{subject.title}: {subject.ann_file}')
    result = examine(
        subject,
        open_images=not arguments.no_images,
        workers=arguments.workers,
        most=arguments.most,
        progress=print_progress,
    )
    people = result.people
    if people is not None:
        print(
            f'  {len(people.image_ids)} images, {len(people)} annotations, {people.used.sum()} of them used, '
            f'{len(people.names)} joints'
        )
    for finding in result.findings:
        print(finding)
    print(f'  {result.grid or "no round trip through the heatmaps: nobody to encode, or the data set class refuses"}')
    if people is not None and subject.folder:
        sheet = overlay_sheet(people, result.findings, subject.folder, subject.load)
        if sheet is not None:
            path = save_picture(arguments.out / f'{subject.title}.png', sheet)
            print(f'  {path}: left joints are blue, right ones orange, those of the middle green')
    return result.findings


def from_files(arguments: argparse.Namespace) -> Any:
    """Return the subject that --ann, --images and so on name."""
    from hrpose.analysis.doctor import Subject
    from hrpose.codecs import MSRAHeatmap
    from hrpose.datasets.metainfo import resolve
    from hrpose.datasets.transforms import LoadImage

    size = tuple(arguments.input_size)
    dataset = dict(
        type='CocoDataset',
        ann_file=str(Path(arguments.ann).absolute()),
        data_prefix=dict(img=arguments.images),
        pipeline=[dict(type='PadBox', input_size=size)],
    )
    return Subject(
        title=Path(arguments.ann).stem,
        ann_file=arguments.ann,
        folder=arguments.images,
        metainfo=resolve(arguments.metainfo) if arguments.metainfo else None,
        bbox_file=arguments.bbox_file,
        load=LoadImage(),
        codec=MSRAHeatmap(size),
        build=builder(dataset),
    )


def from_config(arguments: argparse.Namespace) -> tuple[list[Any], list[Any]]:
    """Return what is wrong with the config's metainfo, and a subject for each of its data sets."""
    from hrpose.analysis.doctor import check_metainfo, usable_metainfo
    from hrpose.config import link, parse_options, read_config

    cfg = read_config(arguments.config, parse_options(arguments.cfg_options))
    written = cfg._cfg_dict.to_dict().get('metainfo', 'coco')
    found = check_metainfo(written)
    cfg.metainfo = usable_metainfo(written, found)
    splits = SPLITS if arguments.split == 'all' else (arguments.split,)
    subjects = {subject_key(subject): subject for subject in reversed(list(subjects_of(link(cfg), splits)))}
    return found, list(reversed(subjects.values()))


def subject_key(subject: Any) -> tuple[Any, ...]:
    """Return what makes a data set another one: val and test often are the same."""
    return subject.ann_file, subject.folder, subject.bbox_file


def subjects_of(cfg: Any, splits: tuple[str, ...]) -> Iterator[Any]:
    """Yield a subject for each data set of the splits."""
    from hrpose.analysis.doctor import Subject
    from hrpose.config import each_dataset
    from hrpose.datasets import CocoDataset
    from hrpose.registry import CODECS, DATASETS, TRANSFORMS

    for split in splits:
        loader = cfg.get(f'{split}_dataloader')
        for place, dataset in each_dataset(loader.dataset, split) if loader else ():
            settings = dataset.to_dict()
            root = settings.get('data_root', '')
            load = next((step for step in settings['pipeline'] if step['type'] == 'LoadImage'), dict(type='LoadImage'))
            bbox_file = settings.pop('bbox_file', None)
            yield Subject(
                title=place,
                ann_file=str(Path(root, settings['ann_file'])),
                folder=str(Path(root, (settings.get('data_prefix') or {}).get('img', ''))),
                metainfo=settings.get('metainfo'),
                bbox_file=str(Path(root, bbox_file)) if bbox_file else None,
                load=TRANSFORMS.build(load),
                codec=CODECS.build(cfg.codec.to_dict()),
                build=builder(settings),
                in_coco_layout=issubclass(DATASETS.get(settings['type']) or object, CocoDataset),
            )


def builder(dataset: dict[str, Any]) -> Callable[[Mapping[str, Any]], Any]:
    """Return what makes the data set of a config, with other joints and, as in training, with annotated boxes."""
    from hrpose.registry import DATASETS

    return lambda metainfo: DATASETS.build({**dataset, 'metainfo': metainfo, 'test_mode': False})


def print_progress(done: int, total: int) -> None:
    """Write on one line how many images are read, now and then."""
    if done == total or done % 500 == 0:
        print(f'\r  images read: {done} of {total}', end='\n' if done == total else '', file=sys.stderr, flush=True)
