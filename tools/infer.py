"""Find keypoints of people: python tools/infer.py SOURCE --pose CONFIG --weights FILE --whole-image --out DIR"""

from hrpose.cli.infer import main
from hrpose.cli.run import run

if __name__ == '__main__':
    run(main)
