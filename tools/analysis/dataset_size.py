"""Measure a data set of COCO train2017's size: time to build it, memory with one loader worker and with several.

python tools/analysis/dataset_size.py

The annotation file is generated (118k images, 262k annotations, 150k people with keypoints in 57k images, outlines
included) and removed again. Time is that of one core.
"""

import argparse
import tempfile
from pathlib import Path

from hrpose.cli.run import run


def main() -> None:
    """Print both measurements."""
    from hrpose.analysis.benchmark.loading import in_new_process, memory_with, time_to_build, write_annotations

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--workers', type=int, default=8, help='how many to compare with one (default 8)')
    parser.add_argument('--transforms', action='store_true', help='put each person through the training pipeline')
    parser.add_argument('--share', type=float, default=1.0, help='of the size of train2017 (default 1)')
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ann_file = Path(folder) / 'generated.json'
        people = write_annotations(ann_file, share=arguments.share)
        print(f'generated: {people} people, {ann_file.stat().st_size / 2**20:.0f} MiB of JSON')
        built = in_new_process(time_to_build, ann_file)
        print(
            f'build: {built["people"]} people in {built["seconds"]:.1f} s ({built["cpu_seconds"]:.1f} s of CPU), '
            f'peak {built["peak_bytes"] / 2**20:.0f} MiB, records {built["table_bytes"] / 2**20:.1f} MiB'
        )
        one, several = (
            in_new_process(memory_with, ann_file, count, arguments.transforms) / 2**20
            for count in (1, arguments.workers)
        )
    workers, times = f'{several:.0f} MiB with {arguments.workers}', several / one
    print(f'memory: {one:.0f} MiB with 1 worker, {workers}: {times:.2f} times (PSS of all processes)')


if __name__ == '__main__':
    run(main)
