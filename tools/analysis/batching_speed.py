"""Measure how much faster inference is when images share batches: python tools/analysis/batching_speed.py CONFIG"""

import argparse

from hrpose.cli.run import run


def main() -> None:
    """Time one call for many images against one call an image, and print a line."""
    parser = argparse.ArgumentParser(
        description='Time one call for many images with 0 to 9 people each against one call an image, with random '
        'weights and images.'
    )
    parser.add_argument('config', help='config file, or the name of a shipped one')
    parser.add_argument('--images', type=int, default=20, help='images of 640x480 (default 20)')
    parser.add_argument('--batch-size', type=int, default=32, help='people in a forward pass (default 32)')
    parser.add_argument('--repeats', type=int, default=3, help='rounds, of which the least time counts (default 3)')
    parser.add_argument('--threads', type=int, help="PyTorch's on a CPU; default: its own choice")
    parser.add_argument('--device', default='cpu')
    arguments = parser.parse_args()
    import torch

    from hrpose.analysis.benchmark.batching import compare_batching

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    options = {name: getattr(arguments, name) for name in ('images', 'batch_size', 'repeats', 'device')}
    found = compare_batching(arguments.config, **options)
    print(
        f'{found.people} people in {arguments.images} images: a call each {found.one_by_one:.2f} s, one call for all '
        f'{found.together:.2f} s, {found.one_by_one / found.together:.2f} times as fast; {found.equal:.2%} of the '
        'joints within 0.001 px'
    )


if __name__ == '__main__':
    run(main)
