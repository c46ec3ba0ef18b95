"""Write a checkpoint in another form: python tools/convert_checkpoint.py pose_hrnet_w32_256x192.pth hrnet_w32.pth"""

from hrpose import errors
from hrpose.cli.convert import main

if __name__ == '__main__':
    errors.run(main)
