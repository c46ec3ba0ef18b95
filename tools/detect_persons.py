"""Write the boxes of people as a COCO result file.

python tools/detect_persons.py DET_CONFIG DET_CHECKPOINT --ann ANN --img-root DIR --out dets.json
"""

from hrpose.cli.detect import main
from hrpose.cli.run import run

if __name__ == '__main__':
    run(main)
