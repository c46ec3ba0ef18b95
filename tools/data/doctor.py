"""Examine data sets before any training: python tools/data/doctor.py configs/hrnet_w32_coco_256x192.py

Exit status: 1 if there are errors, 0 if there are only warnings and notes. docs/doctor.md explains each finding.
"""

from hrpose.cli.doctor import main
from hrpose.cli.run import run

if __name__ == '__main__':
    run(main)
