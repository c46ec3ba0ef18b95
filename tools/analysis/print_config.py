"""Print a config and where each value comes from: python tools/analysis/print_config.py CONFIG --origin"""

from hrpose.cli.print_config import main
from hrpose.cli.run import run

if __name__ == '__main__':
    run(main)
