"""Print a config and where each value comes from: python tools/analysis/print_config.py CONFIG --origin"""

from hrpose import errors
from hrpose.cli.print_config import main

if __name__ == '__main__':
    errors.run(main)
