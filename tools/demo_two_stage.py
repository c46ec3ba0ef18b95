"""From nothing to AP with a detector's boxes, on generated people: `make demo-two-stage` runs this.

The pose network is that of `make demo`, and its data: what is there already is reused. A small RTMDet learns to find
the people, its boxes are written to a file, and the pose network is tested with the true boxes and with these.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from demo import CONFIG, make_data, read_figures, step, train

from hrpose.cli.run import run

DETECTOR = 'configs/detection/rtmdet_nano_synthetic_224x224.py'


def main() -> None:
    """Run the steps and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--data', default='data/synthetic', help='folder for the generated people')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/demo'), help='of the pose network')
    parser.add_argument('--detector-dir', type=Path, default=Path('work_dirs/demo_detector'), help='of the detector')
    parser.add_argument('--train', type=int, default=2000, help='images to train on')
    parser.add_argument('--val', type=int, default=200, help='images held out')
    # Boxes that the detector is less sure of cost time and change AP by little.
    parser.add_argument('--score-threshold', type=float, default=0.1, help='least score of a box (default 0.1)')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='for the pose network')
    parser.add_argument('--det-options', nargs='+', default=[], metavar='KEY=VALUE', help='for the detector')
    arguments = parser.parse_args()
    times: dict[str, float] = {}
    began = time.monotonic()

    def lap(name: str) -> None:
        times[name] = time.monotonic() - began - sum(times.values())

    annotations = Path(arguments.data) / 'annotations' / 'person_keypoints_val.json'
    pose_options = [f'data_root={arguments.data}', *arguments.cfg_options]
    make_data('1/6  the data', arguments.data, arguments.train, arguments.val)
    lap('data')
    pose = train('2/6  the pose network', CONFIG, arguments.work_dir, pose_options)
    lap('pose network')
    detector_options = [*_data_of(arguments.data, annotations), *arguments.det_options]
    detector = train('3/6  the detector', DETECTOR, arguments.detector_dir, detector_options)
    lap('detector')
    boxes = arguments.detector_dir / 'val_boxes.json'
    look = ['tools/detect_persons.py', DETECTOR, detector, '--ann', annotations, '--out', boxes, '--overwrite']
    step('4/6  its boxes', *look, '--img-root', f'{arguments.data}/val', '--score-threshold', arguments.score_threshold)
    lap('boxes')
    figures = {}
    for title, name, more in (
        ('5/6  testing with true boxes', 'true_boxes', []),
        (
            '6/6  testing with detected boxes',
            'detected_boxes',
            [f'test_dataloader.dataset.bbox_file={boxes.resolve()}'],
        ),
    ):
        work_dir = arguments.detector_dir / name
        step(title, 'tools/test.py', CONFIG, pose, '--work-dir', work_dir, '--cfg-options', *pose_options, *more)
        figures[name] = read_figures(work_dir)['coco/AP']
        lap(title.partition('  ')[2])
    report(figures['true_boxes'], figures['detected_boxes'], annotations, boxes, times)


def _data_of(data: str, annotations: Path) -> list[str]:
    """Return the overrides that make the detector's config read the folder `data`."""
    loaders = [f'{phase}_dataloader.dataset.data_root={data}' for phase in ('train', 'val')]
    return [*loaders, f'val_evaluator.ann_file={annotations}']


def report(true_boxes: float, detected: float, annotations: Path, boxes: Path, times: dict[str, float]) -> None:
    """Print AP with either boxes, whom the detector missed, and the minutes of each step."""
    from hrpose.analysis.box_recall import box_recall

    found: list[dict[str, Any]] = json.loads(boxes.read_text())
    truth = json.loads(annotations.read_text())
    recall = box_recall(truth, found)
    print(f'\nOn {len(truth["images"])} images that neither network has seen:\n')
    print(f'AP with true boxes      {true_boxes:.3f}')
    print(f'AP with detected boxes  {detected:.3f}   {detected / max(true_boxes, 1e-9):.2f} of it')
    print(f'box recall at IoU 0.5   {recall.share:.3f}   {len(recall.missed)} of {recall.people} people have no box')
    closer = box_recall(truth, found, 0.75)
    print(f'box recall at IoU 0.75  {closer.share:.3f}   a box less close makes a crop that is less well framed')
    print(f'boxes                   {len(found)}, in {boxes}')
    print('\nminutes: ' + ', '.join(f'{name} {seconds / 60:.1f}' for name, seconds in times.items()))


if __name__ == '__main__':
    run(main)
