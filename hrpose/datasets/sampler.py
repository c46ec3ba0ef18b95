"""The order of samples, and the key that each sample's augmentation depends on."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from mmengine.dataset import DefaultSampler
from mmengine.logging import print_log

from hrpose.errors import UserError
from hrpose.registry import DATA_SAMPLERS


class SampleKey(int):
    """One visit to one sample. Augmentation depends on its `numbers` and on nothing else.

    It is an int, the index, so that wrappers of data sets can compute with it. The results keep `origin`, the index
    that the sampler drew, so that parts and repeats of a data set get different augmentation.
    """

    seed: int  # of the sampler
    epoch: int  # counted from 0
    visit: int  # number of the visit, where a sampler repeats a sample within an epoch
    origin: int  # the index that the sampler drew

    def __new__(cls, seed: int, epoch: int, index: int, visit: int = 0, origin: int | None = None) -> 'SampleKey':
        key = super().__new__(cls, index)
        key.seed, key.epoch, key.visit = seed, epoch, visit
        key.origin = int(index) if origin is None else origin
        return key

    def __getnewargs__(self) -> tuple[int, int, int, int, int]:  # type: ignore[override]
        return self.seed, self.epoch, int(self), self.visit, self.origin

    @property
    def numbers(self) -> list[int]:
        """Seed, epoch, origin, and the visit unless it is the first."""
        return [self.seed, self.epoch, self.origin, *([self.visit] if self.visit else [])]

    def at(self, index: int) -> 'SampleKey':
        """Return the key of another sample of the same visit."""
        return SampleKey(self.seed, self.epoch, index, self.visit, self.origin)

    def __mod__(self, other: int) -> 'SampleKey':
        return self.at(int(self) % other)

    def __sub__(self, other: int) -> 'SampleKey':
        return self.at(int(self) - int(other))


@DATA_SAMPLERS.register_module()
class EpochSampler(DefaultSampler):
    """mmengine's default sampler, with indices that carry the seed and the epoch.

    mmengine gives loader workers one fixed seed and saves no random state, so augmentation from a global generator
    repeats itself each epoch and differs after a resume. Arguments are those of `DefaultSampler`.
    """

    def __iter__(self) -> Iterator[SampleKey]:
        return (SampleKey(self.seed, self.epoch, index) for index in super().__iter__())


@DATA_SAMPLERS.register_module()
class RatioSampler(EpochSampler):
    """Draws from the parts of a combined data set in given ratios.

    Each part is visited in rounds, each shuffled differently, and an epoch goes on where the last one stopped: a small
    part is repeated with different augmentation, and all samples of a large part are used before any is repeated. The
    order depends on seed and epoch alone; several processes share an epoch as with `EpochSampler`.

    Args:
        dataset: with `cumulative_sizes` of its parts: a `CombinedDataset`, or mmengine's `ConcatDataset`.
        ratios: one number above 0 a part; (3, 1) draws three samples of the first part for one of the second.
        size: samples an epoch; by default as many as the data set has.
        shuffle: shuffle rounds and epochs; otherwise the parts follow one another.
        seed: the same in each process; by default drawn and shared.
        round_up: repeat samples so that each process has as many.

    Raises:
        UserError: a data set without parts, or ratios that are not one number above 0 a part.
    """

    def __init__(
        self,
        dataset: Any,
        ratios: Sequence[float],
        *,
        size: int | None = None,
        shuffle: bool = True,
        seed: int | None = None,
        round_up: bool = True,
    ) -> None:
        ends = getattr(dataset, 'cumulative_sizes', None)
        if ends is None:
            raise UserError(f'RatioSampler: {type(dataset).__name__} has no parts; use it with a CombinedDataset')
        if len(ratios) != len(ends) or not all(ratio > 0 for ratio in ratios):
            raise UserError(f'RatioSampler: ratios {list(ratios)} are not {len(ends)} numbers above 0, one a part')
        if size is not None and size < 1:
            raise UserError(f'RatioSampler: size {size} is not at least 1 sample an epoch')
        self.starts, self.sizes = [0, *ends[:-1]], np.diff([0, *ends]).tolist()
        self.counts = apportion(size or ends[-1], ratios)
        super().__init__(range(sum(self.counts)), shuffle=shuffle, seed=seed, round_up=round_up)
        shares = ', '.join(f'{count} of {there}' for count, there in zip(self.counts, self.sizes, strict=True))
        print_log(f'RatioSampler: samples of each part in an epoch: {shares}', logger='current')

    def __iter__(self) -> Iterator[SampleKey]:
        """Yield this process's keys of the epoch."""
        visits = np.concatenate([self._visits(part) for part in range(len(self.counts))])
        return (SampleKey(self.seed, self.epoch, *visits[place].tolist()) for place in map(int, super().__iter__()))

    def _visits(self, part: int) -> np.ndarray:
        """Return the samples of a part in this epoch (count, 2): the index in the whole data set, and the round."""
        count, size = self.counts[part], self.sizes[part]
        rounds, places = np.divmod(np.arange(count) + self.epoch * count, size)
        for turn in np.unique(rounds):
            if self.shuffle:
                order = np.random.default_rng([self.seed, part, turn]).permutation(size)
                places[rounds == turn] = order[places[rounds == turn]]
        return np.column_stack([places + self.starts[part], rounds])


def apportion(total: int, ratios: Sequence[float]) -> list[int]:
    """Return integers in proportion to `ratios` that add up to `total`, by largest remainders."""
    exact = np.array(ratios, dtype=np.float64) * (total / sum(ratios))
    counts = np.floor(exact).astype(np.int64)
    for place in np.argsort(counts - exact, kind='stable')[: total - counts.sum()]:
        counts[place] += 1
    return counts.tolist()
