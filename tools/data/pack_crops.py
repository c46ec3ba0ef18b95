"""Cut people out of the images for faster training: python tools/data/pack_crops.py CONFIG data/coco_crops"""

from hrpose.cli.pack import main
from hrpose.cli.run import run

if __name__ == '__main__':
    run(main)
