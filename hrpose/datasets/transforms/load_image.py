"""Reading an image file."""

from typing import Any

from hrpose.datasets.storage.archives import check_backend
from hrpose.images.files import decode_image, read_file
from hrpose.images.partial_jpeg import encoded_image
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
