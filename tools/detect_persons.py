"""Write people's boxes as a COCO result file.

python tools/detect_persons.py DET_CONFIG DET_CHECKPOINT --ann ANN --img-root DIR --out dets.json
"""

from hrpose import errors
from hrpose.cli.detect import main

if __name__ == '__main__':
    errors.run(main)
