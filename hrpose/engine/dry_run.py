"""Build a training, run one batch, and compute what each of many processes would have to do."""

import math
import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import Tensor

from hrpose.datasets.base import PoseDataset
from hrpose.datasets.metainfo import describe_flip_pairs
from hrpose.engine.distributed.processes import unwrapped
from hrpose.engine.optimizer import Batch, batch_of, recipe_batch
from hrpose.errors import UserError

# The first step also allocates and chooses kernels; the others are timed.
WARM_UP, TIMED = 1, 3


@dataclass(frozen=True)
class Plan:
    """The amount of work in a training."""

    people: int  # number of people in the training set
    batch: Batch  # batch size and number of processes
    epochs: int  # number of epochs

    @property
    def people_a_process(self) -> int:
        """People in an epoch of one process; `EpochSampler` repeats some so that all have the same number."""
        return math.ceil(self.people / self.batch.processes)

    @property
    def batches(self) -> int:
        """Batches in an epoch of one process."""
        return math.ceil(self.people_a_process / self.batch.per_process)


def plan_of(runner: Runner, processes: int | None = None) -> Plan:
    """Return the plan of a runner whose training loop is built, for its own number of processes or another.

    Raises:
        UserError: the training is by iterations.
    """
    loop = runner.train_loop
    if not isinstance(loop, EpochBasedTrainLoop):
        raise UserError('--dry-run: plans trainings by epochs, and this one is by iterations; leave out by_epoch=False')
    batch = batch_of(runner)
    wanted = Batch(batch.per_process, processes or batch.processes, batch.accumulated)
    return Plan(len(runner.train_dataloader.dataset), wanted, loop.max_epochs)


def dry_run(runner: Runner, processes: int | None = None) -> str:
    """Build a training, run one batch a few times, and return a report. Nothing is saved.

    Args:
        runner: runner of the training; its weights change.
        processes: number of processes of the planned training; the runner's own unless given.

    Raises:
        UserError: what would stop the training at its start.
    """
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    plan = plan_of(runner, processes)
    runner.optim_wrapper.initialize_count_status(runner.model, 0, runner.train_loop.max_iters)
    if runner._val_loop is not None:
        runner._val_loop = runner.build_val_loop(runner._val_loop)
    runner._init_model_weights()
    data = next(iter(runner.train_dataloader))
    with _threads_of_one(plan.batch.processes):
        loading = _loading(runner)
        step, losses, shape = _steps(runner, data)
    rates = [group['lr'] for group in runner.optim_wrapper.param_groups]
    return '\n'.join(_lines(runner, plan, shape, losses, step, loading, max(rates)))


@contextmanager
def _threads_of_one(processes: int) -> Iterator[None]:
    """Compute with as many threads as each of `processes` has: tools/dist_train.sh gives each a single one."""
    before = torch.get_num_threads()
    try:
        if processes > 1 and 'OMP_NUM_THREADS' not in os.environ:
            torch.set_num_threads(1)
        yield
    finally:
        torch.set_num_threads(before)


def _loading(runner: Runner) -> float:
    """Return the seconds in which one loader worker makes a batch, with the files in the system's cache."""
    loader = runner.train_dataloader
    keys = next(iter(loader.batch_sampler))
    return _timed(lambda: loader.collate_fn([loader.dataset[key] for key in keys]))[0]


def _timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Return the median seconds of a few calls, and what the last one returned."""
    times = []
    for _ in range(WARM_UP + TIMED):
        start = time.perf_counter()
        result = run()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return median(times[WARM_UP:]), result


def seconds_a_batch(step: float, loading: float, workers: int) -> float:
    """Return the seconds from batch to batch. Workers load while the network computes.

    Args:
        step: seconds of a step.
        loading: seconds in which one worker makes a batch.
        workers: number of workers of one process; without any, loading and steps take turns.
    """
    return max(step, loading / workers) if workers else step + loading


def _steps(runner: Runner, data: Any) -> tuple[float, dict[str, float], str]:
    """Return the seconds of a step, the losses of the last step, and the shapes of input and output."""
    runner.model.train()
    seconds, losses = _timed(lambda: runner.model.train_step(data, runner.optim_wrapper))
    values = {name: float(value.detach()) for name, value in losses.items() if isinstance(value, Tensor)}
    bare = unwrapped(runner.model)
    inputs = bare.data_preprocessor(data, True)['inputs']
    with torch.no_grad():
        output = bare.eval()(inputs[:1], mode='tensor')
    shapes = f'input {tuple(inputs.shape)}'
    if isinstance(output, Tensor):
        shapes += f', output {(len(inputs), *output.shape[1:])}'
    return seconds, values, shapes


def _lines(
    runner: Runner, plan: Plan, shapes: str, losses: dict[str, float], step: float, loading: float, rate: float
) -> list[str]:
    batch, workers = plan.batch, runner.train_dataloader.num_workers
    seconds = seconds_a_batch(step, loading, workers)
    epoch, total = _spell(plan.batches * seconds), _spell(plan.epochs * plan.batches * seconds)
    recipe = recipe_batch(runner.auto_scale_lr)
    scaled = f'; --auto-scale-lr makes it {rate * batch.size / recipe:g}' if recipe else ''
    return [
        f'shapes             {shapes}',
        f'losses             {", ".join(f"{name} {value:.4g}" for name, value in losses.items())}',
        f'parameters         {sum(value.numel() for value in runner.model.parameters()) / 1e6:.2f} million',
        f'memory             {_memory()}',
        f'people             {plan.people} an epoch, {plan.people_a_process} a process',
        *_data_lines(runner),
        f'batches            {plan.batches} an epoch and process, {plan.epochs * plan.batches} in all',
        f'effective batch    {batch}',
        f'learning rate      {rate:g} for a batch of {recipe or "?"}{scaled}',
        f'time               {seconds:.3f} s a batch, {epoch} an epoch, {total} in all,',
        f'                   by this device{_turns(batch.processes)}, without validation and messages between '
        'processes',
        f'step, loading      {step:.3f} s a step; {loading:.3f} s a batch by one of {workers} loader workers',
    ]


def _data_lines(runner: Runner) -> list[str]:
    """Return what the data sets leave out, and which joints a flip exchanges; nothing for another toolbox's data."""
    loaders = [runner.train_dataloader, *([runner.val_dataloader] if runner._val_loop is not None else [])]
    sets = [part for loader in loaders for part in _pose_datasets(loader.dataset)]
    lines = [f'{Path(part.bbox_file or part.ann_file).name}: {part.left_out or "none"}' for part in sets]
    titles = ('left out', *[''] * len(lines))
    told = [f'{title:19}{line}' for title, line in zip(titles, lines, strict=False)]
    if sets:
        pairs = describe_flip_pairs(runner.train_dataloader.dataset.metainfo)
        told.append(f'{"mirror pairs":19}{pairs.removeprefix("mirror pairs: ")}')
    return told


def _pose_datasets(dataset: Any) -> Iterator[PoseDataset]:
    """Yield each data set of people, also inside wrappers."""
    if isinstance(dataset, PoseDataset):
        yield dataset
    for part in getattr(dataset, 'datasets', [getattr(dataset, 'dataset', None)]):
        if part is not None:
            yield from _pose_datasets(part)


def _turns(processes: int) -> str:
    cores = len(os.sched_getaffinity(0))
    if torch.cuda.is_available() or processes <= cores:
        return ' for each process'
    return (
        f' for each process ({processes} on the {cores} cores of this machine take {processes / cores:.3g} times that)'
    )


def _memory() -> str:
    if torch.cuda.is_available():
        total = torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory
        return f'{torch.cuda.max_memory_allocated() / 2**30:.2f} of {total / 2**30:.0f} GiB of the GPU at most'
    return f'{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB of this process at most'


def _spell(seconds: float) -> str:
    """Return a duration in the largest unit in which it is at least 1."""
    for unit, size in (('days', 86400), ('h', 3600), ('min', 60)):
        if seconds >= size:
            return f'{seconds / size:.1f} {unit}'
    return f'{seconds:.1f} s'
