"""Steps that edit a record's region and leave its pixels alone."""

from typing import Any

from hrpose.datasets.transforms.reach import Reach

Results = dict[str, Any]


class RegionStep:
    """A transform that never looks at `img`: it edits `center`, `size`, `rotation` or `flip`.

    Where all between loading and the warp are such, the warp decodes no more of a picture than it reads. A step with
    `reach` can also be part of a pipeline that is packed; one that leaves regions as they reach inherits this one.
    """

    def reach(self, reach: Reach, results: Results) -> Reach:
        """Return how far regions reach after this step, for a record before it."""
        return reach


def leaves_pixels_alone(kind: type) -> bool:
    """Say whether a transform of this class is a `RegionStep` by its own word: the class that says what it does is one.

    A class that is derived from `RandomFlip`, say, and does more, may look at pixels.
    """
    acting = next((each for each in kind.__mro__ if '__call__' in vars(each)), object)
    return RegionStep in acting.__bases__
