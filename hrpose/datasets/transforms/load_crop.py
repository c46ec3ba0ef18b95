"""Reading a person's crop from a pack, in place of the whole picture."""

from typing import Any

from hrpose.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadCrop:
    """Takes the place of `LoadImage` in a training pipeline: puts a person's crop into `img`.

    Augmentation and key points stay the same; only pixels that no augmentation shows are missing.

    Args:
        pack: folder written by `tools/data/pack_crops.py` with this config.

    Raises:
        UserError: no finished pack there, or, when a person is read, one of other annotations.
        ImageError: the person's picture could not be read when the pack was made.
    """

    def __init__(self, pack: str) -> None:
        from hrpose.datasets.storage.crops import CropPack

        self.pack = CropPack(pack)

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        return {**results, **self.pack.read(results)}
