"""Score a folder of predictions on PoseTrack18, one JSON a video, as poseval does, with HOTA and IDF1 beside.

python tools/analysis/posetrack_eval.py data/posetrack18/annotations/val PREDICTIONS --json scores.json
"""

import argparse
from pathlib import Path

from hrpose.cli.run import run
from hrpose.cli.track import print_metrics


def main() -> None:
    """Print the metrics by joint."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('truth', metavar='GT', help='folder of the annotations')
    parser.add_argument('predictions', metavar='PRED', help='folder of files of the same names')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the metrics to this JSON file too')
    arguments = parser.parse_args()
    from hrpose.evaluation.functional.posetrack_folder import score_folders

    print_metrics(score_folders(arguments.truth, arguments.predictions), arguments.json)


if __name__ == '__main__':
    run(main)
