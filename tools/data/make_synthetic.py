"""Write the embedded data set: python tools/data/make_synthetic.py data/synthetic --train 2000 --val 400 --seed 0"""

from hrpose import errors
from hrpose.cli.make_synthetic import main

if __name__ == '__main__':
    errors.run(main)
