"""Show how hard the embedded data set is: without looking at the image, or only at limbs, AP has to be low.

    python tools/analysis/synthetic_difficulty.py data/synthetic

Prints the AP of two predictions for the validation people in their annotated boxes: the mean pose of the training
boxes, and a network of three 3x3 convolutions at stride 4, which sees 28x28 pixels of a 96x128 input, about a limb.
"""

import argparse
from pathlib import Path

from hrpose.cli.run import run
from hrpose.errors import UserError


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', type=Path, help='folder written by tools/data/make_synthetic.py')
    parser.add_argument('--seconds', type=float, default=120, help='of training the limb network (default 120)')
    arguments = parser.parse_args()
    from hrpose.analysis.synthetic_difficulty import People, limb_network, mean_pose
    from hrpose.synthetic import annotation_file

    for split in ('train', 'val'):
        if not (file := annotation_file(arguments.data, split)).is_file():
            raise UserError(f'{file}: does not exist; write it with tools/data/make_synthetic.py')
    train, val = People(arguments.data, 'train'), People(arguments.data, 'val')
    print(f'{len(train.image_ids)} people to learn from, {len(val.image_ids)} to predict')
    report('mean pose of the box', mean_pose(train, val), 'AP', 0.05)
    metrics, steps = limb_network(train, val, seconds=arguments.seconds)
    report(f'limb network, {steps} steps', metrics, 'AP50', 0.2)


def report(title: str, metrics: dict[str, float], bound: str, limit: float) -> None:
    """Print a line, with whether the metric `bound` is at most `limit`."""
    verdict = 'as it should be' if metrics[bound] <= limit else 'TOO EASY'
    values = f'AP {metrics["AP"]:.3f}, AP50 {metrics["AP50"]:.3f}'
    print(f'{title}: {values} ({bound} at most {limit}: {verdict})', flush=True)


if __name__ == '__main__':
    run(main)
