"""Draw what the network sees: python tools/data/browse.py configs/hrnet_w32_coco_256x192.py --count 48"""

from hrpose.cli.browse import main
from hrpose.cli.run import run

if __name__ == '__main__':
    run(main)
