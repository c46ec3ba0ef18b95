"""What importing the package loads."""

import subprocess
import sys


def test_importing_evaluation_loads_no_backend_and_no_mmcv(repository):
    code = (
        'import sys, hrpose.evaluation; '
        "heavy = {'pycocotools', 'xtcocotools', 'faster_coco_eval', 'mmcv', 'matplotlib.pyplot'}; "
        'print(sorted(heavy & set(sys.modules)))'
    )
    done = subprocess.run([sys.executable, '-c', code], cwd=repository, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'
