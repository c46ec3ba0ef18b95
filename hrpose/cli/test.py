"""`hrpose test`: evaluate a checkpoint."""

import argparse
from collections.abc import Sequence

from hrpose.errors import UserError


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Evaluate a checkpoint."""
    from hrpose.cli.arguments import add_run_arguments, config_from_arguments, require_checkpoint

    parser = argparse.ArgumentParser(prog=prog, description='Evaluate a checkpoint by the protocol of its config.')
    add_run_arguments(parser)
    parser.add_argument('checkpoint', help='weights to evaluate')
    parser.add_argument('--dump', metavar='FILE', help='write all predictions to this .pkl file')
    parser.add_argument('--show-dir', metavar='DIR', help='draw ground truth and predictions of each image into it')
    arguments = parser.parse_args(words)
    if arguments.dump and not arguments.dump.endswith(('.pkl', '.pickle')):
        raise UserError(f'--dump {arguments.dump}: a pickle is written; give a name that ends in .pkl or .pickle')
    from hrpose.engine.distributed.processes import leave
    from hrpose.engine.launch import build_runner

    cfg = config_from_arguments(arguments)
    require_checkpoint(cfg.launcher, arguments.checkpoint)
    cfg.load_from, cfg.resume = arguments.checkpoint, False
    if arguments.dump:
        dump = dict(type='DumpResults', out_file_path=arguments.dump, collect_device='gpu')
        cfg.test_evaluator = [*cfg.test_evaluator, dump]
    if arguments.show_dir:
        hook = dict(type='PoseVisualizationHook', out_dir=arguments.show_dir)
        cfg.custom_hooks = [*cfg.get('custom_hooks', []), hook]
    build_runner(cfg, loaders=('test_dataloader',)).test()
    leave()
