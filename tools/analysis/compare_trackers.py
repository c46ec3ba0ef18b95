"""Compare trackers on made sequences of poses: MOTA, IDF1, HOTA, identity switches, and time a frame.

python tools/analysis/compare_trackers.py --trackers online,flow,iou --people 12 --seeds 5
"""

import argparse
from pathlib import Path

from hrpose.cli.run import run


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--trackers',
        default='online,flow,iou',
        metavar='NAMES',
        help='some of online, confirmed (online with ids from the second frame on), flow (with the true flow), dis '
        '(flow with that of the images; needs --annotations) and iou; norfair, if it is installed; sort, bytetrack and '
        'ocsort, if trackers is (default: online,flow,iou)',
    )
    parser.add_argument('--people', type=int, default=12, help='in each sequence (default 12)')
    parser.add_argument('--seconds', type=float, default=20.0, help='of each sequence (default 20)')
    parser.add_argument('--seeds', type=int, default=5, help='sequences (default 5)')
    parser.add_argument('--rate', type=float, default=25.0, help='frames a second (default 25)')
    parser.add_argument(
        '--annotations',
        type=Path,
        metavar='DIR',
        help='people of these videos, one JSON each as in PoseTrack18',
    )
    arguments = parser.parse_args()
    from hrpose.analysis.trackers import Scene, compare_trackers, trackers_table

    scene = Scene(people=arguments.people, seconds=arguments.seconds, rate=arguments.rate)
    names = arguments.trackers.split(',')
    print(trackers_table(compare_trackers(names, scene, arguments.seeds, arguments.annotations)))


if __name__ == '__main__':
    run(main)
