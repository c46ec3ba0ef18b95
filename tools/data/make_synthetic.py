"""Write the embedded data set: python tools/data/make_synthetic.py data/synthetic --train 2000 --val 200 --seed 0"""

from hrpose.cli.make_synthetic import main
from hrpose.cli.run import run

if __name__ == '__main__':
    run(main)
