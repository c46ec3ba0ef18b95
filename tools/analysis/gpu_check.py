"""Check and measure hrpose on a GPU: python tools/analysis/gpu_check.py --json gpu.json --minutes 8

Each value is written once it is measured. A later call with the same file continues. Without a GPU, `--small` rehearses
every part on the CPU. docs/performance.md has measured values.
"""

import argparse
import runpy
import tempfile
import time
import traceback
from pathlib import Path
from types import SimpleNamespace

from hrpose.cli.run import run
from hrpose.errors import UserError, nearest


def parse_arguments() -> argparse.Namespace:
    from hrpose.analysis.gpu import PARTS

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--json', type=Path, default=Path('gpu.json'), help='file to write (default gpu.json)')
    parser.add_argument('--only', help=f'parts, separated by commas (default: {",".join(PARTS)})')
    parser.add_argument('--minutes', type=float, default=8, help='time for all parts (default 8)')
    parser.add_argument(
        '--learn', type=float, default=2, metavar='MINUTES', help='of these, for the part learning (default 2)'
    )
    parser.add_argument('--crops', type=Path, help='folder of packed photographs from tools/analysis/gpu_wheels.sh')
    parser.add_argument('--against', choices=['mmpose'], help='measure it in turn with hrpose')
    parser.add_argument('--small', action='store_true', help='small networks, batches and counts: a rehearsal')
    parser.add_argument('--device', help='default: the GPU')
    return parser.parse_args()


def main() -> None:
    """Run the parts; a part that fails is reported, and the next one runs."""
    arguments = parse_arguments()
    import torch
    from mmengine.registry import init_default_scope

    from hrpose.analysis.gpu import PARTS, Case, Report, as_tables, run_part
    from hrpose.hardware import describe_machine

    parts = arguments.only.split(',') if arguments.only else list(PARTS)
    if unknown := [part for part in parts if part not in PARTS]:
        raise UserError(f"--only: there is no part '{unknown[0]}'; {nearest(unknown[0], PARTS)}")
    if not (arguments.device or arguments.small or torch.cuda.is_available()):
        raise UserError('--device: PyTorch finds no GPU on this machine; --small rehearses the check on the CPU')
    device = torch.device(arguments.device or ('cpu' if arguments.small else 'cuda'))
    init_default_scope('hrpose')
    report = Report(arguments.json)
    report.add('machine', 'description', describe_machine(device))
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(__file__).resolve().parents[2]
        case = Case(
            device=device,
            small=arguments.small,
            root=root,
            scratch=Path(scratch),
            crops=arguments.crops.resolve() if arguments.crops else None,
            ends=time.monotonic() + 60 * arguments.minutes,
            learning_seconds=60 * arguments.learn,
            golden=SimpleNamespace(**runpy.run_path(str(root / 'tests' / 'golden' / '__init__.py'))),
            against_mmpose=bool(arguments.against),
        )
        for part in parts:
            began = time.monotonic()
            try:
                run_part(part, case, report)
            except Exception:  # the other parts are still worth measuring
                report.add(part, 'failed', traceback.format_exc()[-3000:])
            report.add('seconds', part, round(time.monotonic() - began, 1))
    print(as_tables(report.content))


if __name__ == '__main__':
    run(main)
