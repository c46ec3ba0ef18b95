"""The order of the samples, and with it what each sample's augmentation may draw on."""

from collections.abc import Iterator

from mmengine.dataset import DefaultSampler

from hrpose.registry import DATA_SAMPLERS


class SampleKey(int):
    """Names one visit to one sample. Augmentation depends on these three numbers and on nothing else.

    It is the index, so that mmengine's wrappers of data sets can reckon with it; seed and epoch come along.
    """

    seed: int
    epoch: int

    def __new__(cls, seed: int, epoch: int, index: int) -> 'SampleKey':
        key = super().__new__(cls, index)
        key.seed, key.epoch = seed, epoch
        return key

    def __getnewargs__(self) -> tuple[int, int, int]:  # type: ignore[override]
        return self.seed, self.epoch, int(self)

    @property
    def numbers(self) -> list[int]:
        """Seed, epoch and index."""
        return [self.seed, self.epoch, int(self)]

    def at(self, index: int) -> 'SampleKey':
        """Return the key of another sample of the same visit."""
        return SampleKey(self.seed, self.epoch, index)

    def __mod__(self, other: int) -> 'SampleKey':
        return self.at(int(self) % other)

    def __sub__(self, other: int) -> 'SampleKey':
        return self.at(int(self) - int(other))


@DATA_SAMPLERS.register_module()
class EpochSampler(DefaultSampler):
    """mmengine's default sampler, whose every index also carries the seed and the epoch.

    mmengine gives loader workers one fixed seed and saves no random state, so augmentation that draws on a global
    generator repeats itself each epoch and differs after a resume. Arguments are those of `DefaultSampler`.
    """

    def __iter__(self) -> Iterator[SampleKey]:
        return (SampleKey(self.seed, self.epoch, index) for index in super().__iter__())
