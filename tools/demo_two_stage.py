"""Train a small detector too, and compare AP with its boxes to AP with true ones: `make demo-two-stage` runs this.

The data are those of `make demo`, and existing results are reused. The pose network learns people shifted and scaled,
as a detector's boxes show them. A small RTMDet is trained to find the people and its boxes are written to a file. Then
the pose network is tested with the true boxes and with these.
"""

import argparse
import json
import time
from pathlib import Path

from demo import make_data, read_metrics, step, train

from hrpose.cli.run import run

NETWORK = 'hrnet_w16_synthetic_128x96'
CONFIG = f'configs/{NETWORK}.py'
DETECTOR = 'configs/detection/rtmdet_nano_synthetic_224x224.py'


def main() -> None:
    """Run the steps and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--data', default='data/synthetic', help='folder of the generated people')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs', NETWORK), help='of the pose network')
    parser.add_argument('--detector-dir', type=Path, default=Path('work_dirs/demo_detector'), help='of the detector')
    parser.add_argument('--train', type=int, default=2000, help='training images')
    parser.add_argument('--val', type=int, default=200, help='validation images')
    # Boxes with lower scores cost time and hardly change AP.
    parser.add_argument('--score-threshold', type=float, default=0.1, help='lowest score of a box (default 0.1)')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='for the pose network')
    parser.add_argument('--det-options', nargs='+', default=[], metavar='KEY=VALUE', help='for the detector')
    arguments = parser.parse_args()
    times: dict[str, float] = {}
    began = time.monotonic()

    def lap(name: str) -> None:
        times[name] = time.monotonic() - began - sum(times.values())

    data, annotations = arguments.data, Path(arguments.data) / 'annotations' / 'person_keypoints_val.json'
    make_data('1/6  data', data, arguments.train, arguments.val)
    lap('data')
    pose_options = [f'data_root={data}', *arguments.cfg_options]
    pose = train('2/6  pose network', CONFIG, arguments.work_dir, pose_options)
    lap('pose network')
    options = [f'data_root={data}', *arguments.det_options]
    detector = train('3/6  detector', DETECTOR, arguments.detector_dir, options)
    lap('detector')
    boxes = arguments.detector_dir / 'val_boxes.json'
    words = ['tools/detect_persons.py', DETECTOR, detector, '--ann', annotations, '--img-root', f'{data}/val']
    step('4/6  boxes', *words, '--out', boxes, '--overwrite', '--score-threshold', arguments.score_threshold)
    lap('boxes')
    found = [f'test_dataloader.dataset.bbox_file={boxes.resolve()}']
    ap = []
    for number, title, more in ((5, 'testing with true boxes', []), (6, 'testing with detected boxes', found)):
        work_dir = arguments.detector_dir / title.split()[2]
        words = ['tools/test.py', CONFIG, pose, '--work-dir', work_dir, '--cfg-options', *pose_options, *more]
        step(f'{number}/6  {title}', *words)
        ap.append(read_metrics(work_dir)['coco/AP'])
        lap(title)
    report(ap[0], ap[1], annotations, boxes, times)


def report(true_boxes: float, detected: float, annotations: Path, boxes: Path, times: dict[str, float]) -> None:
    """Print AP with both kinds of boxes, how many people the detector missed, and the minutes of each step."""
    from hrpose.analysis.box_recall import box_recall

    truth, found = json.loads(annotations.read_text()), json.loads(boxes.read_text())
    recall, closer = box_recall(truth, found), box_recall(truth, found, 0.75)
    print(f'\nOn {len(truth["images"])} images that neither network has seen:\n')
    print(f'AP with true boxes      {true_boxes:.3f}')
    print(f'AP with detected boxes  {detected:.3f}   {detected / max(true_boxes, 1e-9):.2f} of it')
    print(f'box recall at IoU 0.5   {recall.share:.3f}   {len(recall.missed)} of {recall.people} people have no box')
    print(f'box recall at IoU 0.75  {closer.share:.3f}   a looser box gives a worse crop')
    print(f'boxes                   {len(found)}, in {boxes}')
    print('\nminutes: ' + ', '.join(f'{name} {seconds / 60:.1f}' for name, seconds in times.items()))


if __name__ == '__main__':
    run(main)
