"""People in pictures and videos: python tools/infer.py SOURCE --pose CONFIG --weights FILE --whole-image --out DIR"""

from hrpose import errors
from hrpose.cli.infer import main

if __name__ == '__main__':
    errors.run(main)
