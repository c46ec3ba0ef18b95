"""Follow the people of PoseTrack's videos, and score the result.

python tools/track.py CONFIG CHECKPOINT --ann data/posetrack18/annotations/val --det DET --det-weights FILE --out tracks
"""

from hrpose.cli.run import run
from hrpose.cli.track import main

if __name__ == '__main__':
    run(main)
