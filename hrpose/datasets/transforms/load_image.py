"""Reading an image file."""

from http.client import HTTPException
from typing import Any

import numpy as np
from mmengine import fileio

from hrpose.datasets.storage.archives import check_backend
from hrpose.datasets.transforms.decode import ImageError, decode_image
from hrpose.datasets.transforms.late import encoded_image
from hrpose.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadImage:
    """Puts the picture at `img_path` into `img`: (H, W, 3) uint8 RGB; and its size into `ori_shape` (H, W).

    Grey and palette pictures get three channels, CMYK becomes RGB, 16 bits their upper 8, and alpha is dropped. For a
    record with `decode_late` a JPEG stays an `EncodedImage`, of which the warp decodes the rows that it reads.

    Args:
        backend_args: of mmengine's file backends, with `zip` and `lmdb` as in `hrpose.datasets.storage.archives`;
            local files unless given.
        apply_exif: turn the picture as its EXIF orientation says; for annotations that were drawn on it turned.
            COCO's refer to the pixels as stored.
        reduce: decode a JPEG at a half, a quarter or an eighth where the warp shrinks it at least so much; faster, and
            pixels are averages where bilinear reading would skip some. For training: published figures are without.

    Raises:
        UserError: there is no such backend.
        ImageError: no such file, or not a whole picture; names the file.
    """

    def __init__(
        self, backend_args: dict[str, Any] | None = None, *, apply_exif: bool = False, reduce: bool = False
    ) -> None:
        check_backend(backend_args)
        self.backend_args = backend_args
        self.apply_exif = apply_exif
        self.reduce = reduce

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        path = str(results['img_path'])
        content = read_file(path, self.backend_args)
        image: Any = None
        if results.get('decode_late') and not self.apply_exif:
            image = encoded_image(content, path, reduce=self.reduce)
        if image is None:
            image = decode_image(content, path, apply_exif=self.apply_exif)
        return {**results, 'img': image, 'ori_shape': image.shape[:2]}


def read_image(path: str, backend_args: dict[str, Any] | None = None, *, apply_exif: bool = False) -> np.ndarray:
    """Return the picture at `path` as (H, W, 3) uint8 RGB, as `LoadImage` has it; raise `ImageError` otherwise."""
    return decode_image(read_file(str(path), backend_args), str(path), apply_exif=apply_exif)


def read_file(path: str, backend_args: dict[str, Any] | None = None) -> bytes:
    """Return the content of an image file; raise `ImageError` where there is none."""
    try:
        content = fileio.get(path, backend_args=backend_args)
    except HTTPException as error:
        raise ImageError(f'cannot read the image {path}: the server broke off: {error!r}') from error
    except OSError as error:
        nowhere = isinstance(error, FileNotFoundError) and backend_args is None
        reason = 'there is no such file' if nowhere else error.strerror or str(error)
        raise ImageError(f'cannot read the image {path}: {reason}') from error
    if content is None:  # what the client of an object store says of a name that it does not know
        raise ImageError(f'cannot read the image {path}: there is nothing of this name')
    return content
