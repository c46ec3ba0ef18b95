"""What an exported file says about itself: JSON inside the file. It is checked when it is read, as a stranger may have
written it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from hrpose.datasets.metainfo import FIELDS
from hrpose.errors import UserError

FORMAT = 1  # version of this description; a reader refuses later ones
KEY = 'hrpose'  # the name under which files hold it
PRECISIONS = ('fp32', 'fp16', 'bf16', 'int8')


@dataclass(frozen=True)
class Metadata:
    """The description of an exported network with K joints.

    Attributes:
        dataset_name: the data set whose joints these are.
        keypoint_names: (K,).
        skeleton: limbs, pairs of indices of joints.
        flip_indices: (K,) index of each joint's mirror image.
        sigmas: (K,) of OKS.
        upper_body_ids: indices of the joints of the upper body.
        input_size: (w, h) of a crop, px.
        padding: factor by which both sides of a box grow before it is cut out.
        align_corners: whether the warp aligns corners, see `hrpose.codecs.Codec`.
        stride: (x, y) crop px a heatmap cell.
        codec: name of the codec's class.
        flip_test: whether the graph has the flip test.
        precision: 'fp32', 'fp16', 'bf16' or 'int8'.
        batch: number of people that the graph takes at once; 0 for any number.
        version: of the hrpose that exported it.
        config: the config as text. Nothing ever runs it.
        format: version of the description.
    """

    dataset_name: str
    keypoint_names: tuple[str, ...]
    skeleton: tuple[tuple[int, int], ...]
    flip_indices: tuple[int, ...]
    sigmas: tuple[float, ...]
    upper_body_ids: tuple[int, ...]
    input_size: tuple[int, int]
    padding: float
    align_corners: bool
    stride: tuple[float, float]
    codec: str
    flip_test: bool
    precision: str
    batch: int
    version: str
    config: str
    format: int = FORMAT

    @property
    def metainfo(self) -> dict[str, Any]:
        """The joints, as `PoseResult` and the drawings take them."""
        return {name: getattr(self, name) for name in FIELDS}

    def to_json(self) -> str:
        """Return the description as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    def checks(self) -> dict[str, bool]:
        """Return whether the values fit together: a problem -> whether it is absent."""
        joints = range(len(self.keypoint_names))
        named = {*self.flip_indices, *self.upper_body_ids, *(end for limb in self.skeleton for end in limb)}
        numbers = (*self.input_size, *self.stride, self.padding)
        return {
            'there are no joints': len(joints) > 0,
            'flip_indices do not name each joint once': sorted(self.flip_indices) == [*joints],
            'sigmas and joints differ in number': len(self.sigmas) == len(joints),
            'a limb or the upper body has a joint that does not exist': named <= {*joints},
            'a size, stride or padding is not between 0 and 32767': all(0 < number < 32767 for number in numbers),
            f'the precision is not one of {", ".join(PRECISIONS)}': self.precision in PRECISIONS,
            'the batch is negative': self.batch >= 0,
        }


def read_metadata(text: str | None, path: str) -> Metadata:
    """Return the description in an exported file.

    Args:
        text: JSON; None if the file has none.
        path: of the file, for error messages.

    Raises:
        UserError: there is no description, it is of a newer version, or it contradicts itself.
    """
    if text is None:
        raise UserError(f'{path}: the file has no description, so hrpose did not export it; make one by hrpose export')
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f'{path}: its description is not JSON ({error}); export it again') from error
    if not isinstance(content, Mapping):
        raise UserError(f'{path}: its description is a {type(content).__name__}, not a mapping; export it again')
    if isinstance(content.get('format'), int) and content['format'] > FORMAT:
        raise UserError(f'{path}: hrpose {content.get("version")!s:.20} exported it, which is newer; update hrpose')
    try:
        values = {field.name: _typed(field.type, content[field.name], field.name) for field in fields(Metadata)}
    except KeyError as error:
        raise UserError(f'{path}: its description lacks {error}; export it again') from error
    except ValueError as error:
        raise UserError(f'{path}: its description is wrong: {error}; export it again') from error
    described = Metadata(**values)
    for problem, absent in described.checks().items():
        if not absent:
            raise UserError(f'{path}: its description is wrong: {problem}; export it again')
    return described


def _typed(kind: Any, value: Any, name: str) -> Any:
    """Return a value of JSON as the type of a field; raise `ValueError` if it has another type."""
    if kind is float and type(value) is int:
        value = float(value)
    if kind in (str, bool, int, float):
        if type(value) is not kind:
            raise ValueError(f'{name} has {value!r:.60} in place of a {kind.__name__}')
        return value
    if not isinstance(value, list):
        raise ValueError(f'{name} has {value!r:.60} in place of a list')
    kinds = kind.__args__[:1] * len(value) if kind.__args__[-1] is Ellipsis else kind.__args__
    if len(kinds) != len(value):
        raise ValueError(f'{name} has {len(value)} entries in place of {len(kinds)}')
    return tuple(_typed(inner, each, name) for inner, each in zip(kinds, value, strict=True))
