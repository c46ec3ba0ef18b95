"""What an exported file says about itself: JSON inside the file. It is checked when it is read, as a stranger may have
written it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, TypeVar

from hrpose.datasets.metainfo import FIELDS
from hrpose.errors import UserError

FORMAT = 1  # version of the descriptions; a reader refuses later ones
KEY = 'hrpose'  # the name under which files hold it
ANY = 'any'  # a number of people that is not fixed
PRECISIONS = ('fp32', 'fp16', 'bf16', 'int8')


@dataclass(frozen=True, kw_only=True)
class Description:
    """The description of an exported file.

    Attributes:
        input_size: (w, h) of the graph's images, px.
        precision: 'fp32', 'fp16', 'bf16' or 'int8'.
        version: of the hrpose that exported it.
        config: the config as text. Nothing ever runs it.
        format: version of the description.
    """

    kind: ClassVar[str]
    called: ClassVar[str]  # the kind in error messages
    input_size: tuple[int, int]
    precision: str
    version: str
    config: str
    format: int = FORMAT

    def input_shapes(self) -> list[list[int | str]]:
        """Return the shapes of the graph's inputs, with `ANY` where a size is not fixed."""
        raise NotImplementedError

    def to_json(self) -> str:
        """Return the description as JSON."""
        return json.dumps({'kind': self.kind, **asdict(self)}, ensure_ascii=False)

    def checks(self) -> dict[str, bool]:
        """Return whether the values fit together: a problem -> whether it is absent."""
        return {
            'a side of the input is not between 0 and 32767': all(0 < side < 32767 for side in self.input_size),
            f'the precision is not one of {", ".join(PRECISIONS)}': self.precision in PRECISIONS,
        }


@dataclass(frozen=True, kw_only=True)
class Metadata(Description):
    """The description of an exported pose network with K joints.

    Attributes:
        dataset_name: the data set whose joints these are.
        keypoint_names: (K,).
        skeleton: limbs, pairs of indices of joints.
        flip_indices: (K,) index of each joint's mirror image.
        sigmas: (K,) of OKS.
        upper_body_ids: indices of the joints of the upper body.
        padding: factor by which both sides of a box grow before it is cut out.
        align_corners: whether the warp aligns corners, see `hrpose.codecs.Codec`.
        stride: (x, y) crop px a heatmap cell.
        codec: name of the codec's class.
        flip_test: whether the graph has the flip test.
        batch: number of people that the graph takes at once; 0 for any number.
    """

    kind: ClassVar[str] = 'pose'
    called: ClassVar[str] = 'pose network'
    dataset_name: str
    keypoint_names: tuple[str, ...]
    skeleton: tuple[tuple[int, int], ...]
    flip_indices: tuple[int, ...]
    sigmas: tuple[float, ...]
    upper_body_ids: tuple[int, ...]
    padding: float
    align_corners: bool
    stride: tuple[float, float]
    codec: str
    flip_test: bool
    batch: int

    @property
    def metainfo(self) -> dict[str, Any]:
        """The joints, as `PoseResult` and the drawings take them."""
        return {name: getattr(self, name) for name in FIELDS}

    def input_shapes(self) -> list[list[int | str]]:
        return [[self.batch or ANY, *self.input_size[::-1], 3]]

    def checks(self) -> dict[str, bool]:
        joints = range(len(self.keypoint_names))
        named = {*self.flip_indices, *self.upper_body_ids, *(end for limb in self.skeleton for end in limb)}
        return super().checks() | {
            'there are no joints': len(joints) > 0,
            'flip_indices do not name each joint once': sorted(self.flip_indices) == [*joints],
            'sigmas and joints differ in number': len(self.sigmas) == len(joints),
            'a limb or the upper body has a joint that does not exist': named <= {*joints},
            'a stride or padding is not between 0 and 32767': all(
                0 < each < 32767 for each in (*self.stride, self.padding)
            ),
            'the batch is negative': self.batch >= 0,
        }


@dataclass(frozen=True, kw_only=True)
class DetectorMetadata(Description):
    """The description of an exported detector.

    Attributes:
        scale: (w, h) px. An image is resized to fit into it, upright or lying, and keeps its aspect ratio.
        pad_value: (blue, green, red) of the padding to the right and below.
        classes: names of the classes whose boxes it returns.
        score_threshold: least score of a box.
        iou_threshold: IoU above which the lower scored of two boxes of a class is dropped.
        max_boxes: the most boxes of an image, those of other classes included.
    """

    kind: ClassVar[str] = 'detector'
    called: ClassVar[str] = 'detector'
    scale: tuple[int, int]
    pad_value: tuple[int, int, int]
    classes: tuple[str, ...]
    score_threshold: float
    iou_threshold: float
    max_boxes: int

    def input_shapes(self) -> list[list[int | str]]:
        return [[1, *self.input_size[::-1], 3], [2]]

    def checks(self) -> dict[str, bool]:
        return super().checks() | {
            'the scale is not between 0 and the input size': 0
            < min(self.scale)
            <= max(self.scale)
            <= min(self.input_size),
            'the padding is not a colour': all(0 <= value <= 255 for value in self.pad_value),
            'there are no classes': len(self.classes) > 0,
        }


Described = TypeVar('Described', bound=Description)


def read_metadata(kind: type[Described], text: str | None, path: str) -> Described:
    """Return the description in an exported file.

    Args:
        kind: of the description that is wanted.
        text: JSON; None if the file has none.
        path: of the file, for error messages.

    Raises:
        UserError: there is no description, it is of another kind or newer version, or it contradicts itself.
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
    if (given := content.get('kind', Metadata.kind)) != kind.kind:  # files of pose networks had no kind at first
        names = [each.called for each in (Metadata, DetectorMetadata) if each.kind == given]
        how = (
            f'a {names[0]}, not a {kind.called}; give it as the {names[0]}'
            if names
            else 'of an unknown kind; export it again'
        )
        raise UserError(f'{path}: the file is {how}')
    try:
        values = {field.name: _typed(field.type, content[field.name], field.name) for field in fields(kind)}
    except KeyError as error:
        raise UserError(f'{path}: its description lacks {error}; export it again') from error
    except ValueError as error:
        raise UserError(f'{path}: its description is wrong: {error}; export it again') from error
    described = kind(**values)
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
