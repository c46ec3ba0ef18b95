"""Evaluate a checkpoint: python tools/test.py configs/hrnet_w32_coco_256x192.py CHECKPOINT"""

import argparse

from hrpose import errors


def parse_arguments() -> argparse.Namespace:
    from hrpose.apis.launch import add_run_arguments

    parser = argparse.ArgumentParser(description='Evaluate a checkpoint with the test protocol of its config.')
    add_run_arguments(parser)
    parser.add_argument('checkpoint', help='weights to evaluate')
    parser.add_argument('--dump', metavar='FILE', help='write all predictions to this .pkl file')
    parser.add_argument(
        '--show-dir',
        metavar='DIR',
        help='draw truth and prediction of every image into this folder',
    )
    return parser.parse_args()


def main() -> None:
    """Evaluate as the command line says."""
    arguments = parse_arguments()
    if arguments.dump and not arguments.dump.endswith(('.pkl', '.pickle')):
        raise errors.UserError(f'--dump writes a pickle: {arguments.dump} has to end in .pkl or .pickle')
    from hrpose.apis.launch import build_runner, config_from_arguments

    cfg = config_from_arguments(arguments)
    cfg.load_from, cfg.resume = arguments.checkpoint, False
    if arguments.dump:
        cfg.test_evaluator = [
            *cfg.test_evaluator,
            dict(type='DumpResults', out_file_path=arguments.dump),
        ]
    if arguments.show_dir:
        hook = dict(type='PictureHook', out_dir=arguments.show_dir)
        cfg.custom_hooks = [*cfg.get('custom_hooks', []), hook]
    build_runner(cfg, loaders=('test_dataloader',)).test()


if __name__ == '__main__':
    errors.run(main)
