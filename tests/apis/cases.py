"""What the tests of inference share: a small config, and a detector that is told what it finds."""

from pathlib import Path

SMALL_CONFIG = Path(__file__).resolve().parents[2] / 'configs' / 'hrnet_w16_synthetic_128x96.py'


class Detections:
    """A detector that finds what it was told, and notes how many images it gets at once."""

    def __init__(self, *found, batch_size: int = 8) -> None:
        self.found, self.batch_size, self.calls = list(found), batch_size, []

    def __call__(self, images):
        self.calls.append(len(images))
        taken, self.found = self.found[: len(images)], self.found[len(images) :]
        return taken
