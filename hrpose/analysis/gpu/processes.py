"""Check training in two processes on one GPU, pinned batches, fp16's loss scale after a resume, and lack of memory."""

import tempfile
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from hrpose.analysis.gpu.report import Case, Report
from hrpose.checkpoints import read_checkpoint
from hrpose.config import load_config
from hrpose.registry import MODELS

DEMO = 'configs/hrnet_w16_synthetic_128x96.py'


def run(case: Case, report: Report) -> None:
    """Run the checks that the report does not have yet."""
    for name, check in (
        ('two processes against one', _two_processes),
        ('pinned batch', _pinned),
        ('fp16 scaler after a resume', _scaler),
        ('out of memory', _out_of_memory),
    ):
        if not report.has('processes', name):
            report.add('processes', name, check(case))


def _two_processes(case: Case) -> dict[str, Any]:
    """Compare loss and gradients of one step in two processes with SyncBN and in one.

    Both processes use the same device, so they communicate by gloo; NCCL does not support this.
    """
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(_rank, args=(2, str(case.device), folder), nprocs=2)
        torch.multiprocessing.spawn(_rank, args=(1, str(case.device), folder), nprocs=1)
        two, one = (torch.load(Path(folder) / f'{size}.pt', weights_only=True) for size in (2, 1))
    largest = max(float(value.abs().max()) for value in one['gradients'])
    error = max(float((a - b).abs().max()) for a, b in zip(one['gradients'], two['gradients'], strict=True)) / largest
    loss = float((one['loss'] - two['loss']).abs() / one['loss'])
    return {'loss_relative': loss, 'gradients_relative': error, 'bound': 1e-5, 'ok': max(loss, error) <= 1e-5}


def _rank(rank: int, size: int, device: str, folder: str) -> None:
    """Compute the gradients of this process's part of a batch of 8; rank 0 saves the mean over the processes."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    dist.init_process_group('gloo', init_method=f'file://{folder}/meet{size}', rank=rank, world_size=size)
    try:
        torch.manual_seed(0)
        cfg = load_config(DEMO)
        model = MODELS.build(cfg.model.to_dict()).train().double()
        width, height = cfg.codec.input_size
        images = torch.randn(8, 3, height, width, dtype=torch.float64)
        keypoints = torch.rand(8, model.head.out_channels, 2) * torch.tensor([width, height])
        if size > 1 and device != 'cpu':
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        model = model.to(device).to(memory_format=torch.channels_last)
        share = slice(rank * 8 // size, (rank + 1) * 8 // size)
        whole = _Loss(model)
        parallel = nn.parallel.DistributedDataParallel(whole) if size > 1 and device != 'cpu' else whole
        if device == 'cpu':  # without SyncBN, which needs a GPU, each process takes the whole batch
            share = slice(0, 8)
        weights = torch.ones(8, keypoints.shape[1])
        loss = parallel(images[share].to(device), keypoints[share].to(device), weights[share].to(device))
        loss.backward()
        loss = loss.detach().cpu()
        dist.all_reduce(loss)
        if rank == 0:
            gradients = [each.grad.cpu() for each in model.parameters() if each.grad is not None]
            torch.save({'loss': loss / size, 'gradients': gradients}, Path(folder) / f'{size}.pt')
    finally:
        dist.destroy_process_group()


class _Loss(nn.Module):
    """A module from images to the loss, because DistributedDataParallel needs one."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model: Any = model

    def forward(self, images: Tensor, keypoints: Tensor, weights: Tensor) -> Tensor:
        """Return the loss of images (B, 3, H, W), keypoints (B, K, 2) in input px and weights (B, K)."""
        return self.model.head.loss(self.model.extract(images), keypoints, weights)['loss_keypoint']


def _pinned(case: Case) -> dict[str, Any]:
    """Compare the preprocessor's batch on the device, where it goes through pinned memory, with the CPU's."""
    model = MODELS.build(load_config(DEMO).model.to_dict())
    preprocess = model.data_preprocessor.to(case.device)
    rows = [torch.randint(0, 256, (3, 128, 96), dtype=torch.uint8) for _ in range(4)]
    images = preprocess({'inputs': rows, 'data_samples': []})['inputs']
    expected = model.data_preprocessor.to('cpu')({'inputs': rows, 'data_samples': []})['inputs']
    error = float((images.cpu() - expected).abs().max())
    return {'error': error, 'on': str(images.device), 'ok': error < 1e-5 and images.device.type == case.device.type}


def _scaler(case: Case) -> dict[str, Any]:
    """Compare the loss scale of a training with --amp and of one that was resumed after the first of its two epochs."""
    options = [*case.synthetic_options(), 'train_cfg.max_epochs=2', 'train_cfg.val_interval=9']
    options += ['default_hooks.checkpoint.interval=1', 'randomness.deterministic=True']
    options += ['train_dataloader.dataset.indices=64', 'train_dataloader.batch_size=8']
    whole, parted = (str(case.scratch / name) for name in ('whole', 'parted'))
    train = ('tools/train.py', DEMO, '--amp', '--cfg-options', *options)
    runs = [
        case.command(*train, '--work-dir', whole),
        case.command(*train, 'train_cfg.max_epochs=1', '--work-dir', parted),
        case.command(*train, '--work-dir', parted, '--resume'),
    ]
    if failed := [run for run in runs if run.returncode]:
        return {'ok': False, 'output': failed[0].stdout[-2000:]}
    one, other = (read_checkpoint(Path(folder) / 'epoch_2.pth') for folder in (whole, parted))
    scalers = [state['optimizer'].get('loss_scaler') for state in (one, other)]
    differ = [key for key, value in one['state_dict'].items() if not torch.equal(value, other['state_dict'][key])]
    return {
        'scaler': scalers[0],
        'same_scaler': scalers[0] == scalers[1],
        'weights_that_differ': len(differ),
        'ok': scalers[0] == scalers[1] and (scalers[0] is not None or case.device.type == 'cpu'),
    }


def _out_of_memory(case: Case) -> dict[str, Any]:
    """Train with a batch that exceeds the memory of any GPU; the command has to end with one line that says so."""
    if case.device.type == 'cpu':
        return {'ok': True, 'output': 'not tried on a CPU'}
    options = [*case.synthetic_options(), 'train_dataloader.batch_size=700', 'train_dataloader.num_workers=8']
    options.append('train_dataloader.sampler.type=hrpose.EpochSampler')
    words = ['tools/train.py', 'configs/hrnet_w48_coco_384x288.py', '--work-dir', str(case.scratch / 'oom')]
    done = case.command(*words, '--cfg-options', *options)
    told = 'error: ' in done.stdout and 'memory' in done.stdout and 'Traceback' not in done.stdout
    return {'ok': told and done.returncode != 0, 'status': done.returncode, 'output': done.stdout[-600:]}
