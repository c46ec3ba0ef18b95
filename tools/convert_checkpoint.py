"""Write a checkpoint in another layout: python tools/convert_checkpoint.py pose_hrnet_w32_256x192.pth hrnet_w32.pth"""

from hrpose.cli.convert import main
from hrpose.cli.run import run

if __name__ == '__main__':
    run(main)
