"""What the machine at hand computes in: for logs, the demo and measurements. Nothing is switched on by it."""

import platform

import torch

PRECISIONS = {'fp32': torch.float32, 'bf16': torch.bfloat16, 'fp16': torch.float16}


def has_bf16(device: str | torch.device = 'cpu') -> bool:
    """Say whether `device` multiplies matrices in bf16 by instructions of its own, rather than by emulation."""
    if torch.device(device).type == 'cuda':
        return torch.cuda.get_device_capability(device)[0] >= 8  # Ampere and later
    able = torch.cpu.get_capabilities()
    return bool(able.get('avx512_bf16') or able.get('amx_bf16') or able.get('bf16'))


def describe_machine(device: str | torch.device = 'cpu') -> dict[str, str | int | bool]:
    """Return what a measurement on `device` should be told with: processor, cores, memory, versions."""
    device = torch.device(device)
    found: dict[str, str | int | bool] = {
        'processor': processor_name(),
        'threads': torch.get_num_threads(),
        'bf16': has_bf16(device),
        'python': platform.python_version(),
        'torch': torch.__version__,
    }
    if device.type == 'cuda':
        card = torch.cuda.get_device_properties(device)
        found |= {'gpu': card.name, 'gpu_memory_mib': card.total_memory >> 20}
    return found


def processor_name() -> str:
    """Return the processor's name as the system tells it, with its widest vector instructions as PyTorch sees them."""
    name = platform.processor() or platform.machine()
    try:
        with open('/proc/cpuinfo') as lines:
            name = next((line.split(':', 1)[1].strip() for line in lines if line.startswith('model name')), name)
    except OSError:
        pass
    return f'{name} ({torch.backends.cpu.get_cpu_capability()})'
