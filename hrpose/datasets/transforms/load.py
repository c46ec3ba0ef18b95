"""Loading the image of a record, from its file or from a pack of crops."""

from typing import Any

from hrpose.datasets.storage.archives import check_backend
from hrpose.datasets.storage.crops import CropPack
from hrpose.datasets.transforms.base import Results
from hrpose.images.files import decode_image, read_file
from hrpose.images.partial_jpeg import encoded_image
from hrpose.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadImage:
    """The step that reads the image at `img_path` into `img`, (H, W, 3) uint8 RGB, its size into `ori_shape` (H, W).

    Grey and palette images get three channels, CMYK becomes RGB, 16 bits their upper 8, and alpha is dropped. If the
    record has `decode_late`, a JPEG stays an `EncodedImage`, and the warp decodes the rows that it reads.

    Args:
        backend_args: of an mmengine file backend, including hrpose's `zip` and `lmdb`; local files unless given.
        apply_exif: turn the image as its EXIF orientation says, for annotations that were drawn on it turned. COCO's
            refer to the pixels as stored.
        reduce: decode a JPEG at a half, a quarter or an eighth of its size where the warp shrinks it by at least as
            much. This is faster, and averages pixels where bilinear interpolation would skip some. Training only:
            published metrics were measured without.

    Raises:
        UserError: there is no such backend.
        ImageError: there is no such file, or it is not a whole image; the message names it.
    """

    def __init__(
        self, backend_args: dict[str, Any] | None = None, *, apply_exif: bool = False, reduce: bool = False
    ) -> None:
        check_backend(backend_args)
        self.backend_args = backend_args
        self.apply_exif = apply_exif
        self.reduce = reduce

    def __call__(self, results: Results) -> Results:
        path = str(results['img_path'])
        content = read_file(path, self.backend_args)
        image: Any = None
        if results.get('decode_late') and not self.apply_exif:
            image = encoded_image(content, path, reduce=self.reduce)
        if image is None:
            image = decode_image(content, path, apply_exif=self.apply_exif)
        return {**results, 'img': image, 'ori_shape': image.shape[:2]}


@TRANSFORMS.register_module()
class LoadCrop:
    """The step that reads a person's crop from a pack into `img`, in place of `LoadImage` in a training pipeline.

    Augmentation and keypoints stay the same. The crop lacks only pixels that no augmentation shows.

    Args:
        pack: folder written by `hrpose pack` with this config.

    Raises:
        UserError: there is no finished pack, or, when a person is read, it was made of other annotations.
        ImageError: the person's image could not be read when the pack was made.
    """

    def __init__(self, pack: str) -> None:
        self.pack = CropPack(pack)

    def __call__(self, results: Results) -> Results:
        return {**results, **self.pack.read(results)}
