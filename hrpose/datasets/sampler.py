"""The order of the samples, and with it what each sample's augmentation may draw on."""

from collections.abc import Iterator
from typing import NamedTuple

from mmengine.dataset import DefaultSampler

from hrpose.registry import DATA_SAMPLERS


class SampleKey(NamedTuple):
    """Names one visit to one sample. Augmentation depends on these three numbers and on nothing else."""

    seed: int
    epoch: int
    index: int  # type: ignore[assignment]  # nobody looks for a value in a key


@DATA_SAMPLERS.register_module()
class EpochSampler(DefaultSampler):
    """mmengine's default sampler, whose every index also carries the seed and the epoch.

    mmengine gives loader workers one fixed seed and saves no random state, so augmentation that draws on a global
    generator repeats itself each epoch and differs after a resume. Arguments are those of `DefaultSampler`.
    """

    def __iter__(self) -> Iterator[SampleKey]:
        return (SampleKey(self.seed, self.epoch, index) for index in super().__iter__())
