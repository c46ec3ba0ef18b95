"""`hrpose export`: write a network to ONNX, OpenVINO or torch.export, and compare it with the one in PyTorch.

A config with `default_scope = 'mmdet'` is a detector's, any other a pose network's.
"""

import argparse
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from hrpose.cli.arguments import add_config_arguments, config_of
from hrpose.cli.parser import command_parser
from hrpose.errors import UserError

EXAMPLES = ('hrpose export hrnet_w32_coco_256x192 hrnet_w32_coco_256x192 --to onnx --out hrnet.onnx --verify photos',)

COMPARED, CALIBRATED = 64, 128  # crops
OWN = ''  # an option without a value takes the config's data


def parser_of(prog: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser(
        prog,
        'Write a pose network as a file that takes uint8 RGB crops of people and gives their keypoints in '
        'crop px and scores; normalisation, flip test and decoding are inside. Or write an RTMDet of mmdet as a file '
        'that takes an image and gives the boxes of people; normalisation and NMS are inside.',
        EXAMPLES,
    )
    add_config_arguments(parser)
    parser.add_argument('checkpoint', nargs='?', help='weights: a file, name or address (default: initial weights)')
    parser.add_argument('--to', required=True, choices=('onnx', 'openvino', 'torch-export'), help='form of the file')
    parser.add_argument(
        '--out', type=Path, required=True, metavar='FILE', help='file to write: .onnx, .xml (with .bin beside it), .pt2'
    )
    parser.add_argument('--flip-test', action='store_true', help='average with the mirrored crop, at twice the time')
    precision = parser.add_mutually_exclusive_group()
    for name, what in (('fp16', 'half precision'), ('bf16', 'bfloat16'), ('int8', '8-bit convolutions')):
        precision.add_argument(f'--{name}', action='store_const', dest='precision', const=name, help=what)
    parser.add_argument('--batch', default='dynamic', metavar='N', help="people at once, or 'dynamic' (the default)")
    parser.add_argument(
        '--verify',
        nargs='?',
        const=OWN,
        metavar='IMAGES',
        help=f"compare with PyTorch on {COMPARED} people of an image, folder or pattern (default: the config's "
        'validation data), and fail above a tolerance',
    )
    parser.add_argument(
        '--calibrate',
        default=OWN,
        metavar='IMAGES',
        help=f"with --int8: take the ranges of values from {CALIBRATED} people of these (default: the config's "
        'training data)',
    )
    parser.add_argument(
        '--boxes', metavar='FILE', help='boxes of the people in IMAGES, in COCO layout (default: an image is a person)'
    )
    parser.add_argument('--box-threshold', type=float, help='of a detector: least score of a box (default 0.3)')
    return parser


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Export, and print a line about the file and one about the comparison."""
    arguments = parser_of(prog).parse_intermixed_args(words)  # the checkpoint may follow options
    batch = batch_of(arguments.batch)
    precision = arguments.precision or 'fp32'
    if arguments.calibrate and precision != 'int8':
        raise UserError('--calibrate has no effect without --int8; leave it out')
    if arguments.boxes and not (arguments.verify or arguments.calibrate):
        raise UserError(
            '--boxes has no effect without images; give --verify IMAGES or --calibrate IMAGES, or leave it out'
        )
    from hrpose.apis import init_model
    from hrpose.export.verify import verify
    from hrpose.export.write import check_target, describe, export_model

    check_target(arguments.out, arguments.to, precision)
    cfg = config_of(arguments)
    if arguments.checkpoint is None:
        print('warning: no checkpoint is given, so the weights are initial ones and the results mean nothing')
    if cfg.get('default_scope') == 'mmdet':
        write_detector(cfg, arguments)
        return
    if arguments.box_threshold is not None:
        raise UserError('--box-threshold has no effect on a pose network; leave it out')
    model = init_model(cfg, arguments.checkpoint, device='cpu')
    plain = describe(model, flip_test=arguments.flip_test, precision=precision, batch=batch)
    compared = [] if arguments.verify is None else crops_of(arguments, 'verify', plain, model.cfg)
    ranges = crops_of(arguments, 'calibrate', plain, model.cfg) if precision == 'int8' else []
    export_model(
        model,
        arguments.out,
        to=arguments.to,
        flip_test=arguments.flip_test,
        precision=precision,
        batch=batch,
        calibration=ranges,
    )
    size = sum(file.stat().st_size for file in {arguments.out, arguments.out.with_suffix('.bin')} if file.is_file())
    print(f'{arguments.out}: {precision}, flip test {"on" if arguments.flip_test else "off"}, {size / 1e6:.1f} MB')
    if compared:
        differences = verify(arguments.out, model, compared)
        print(differences)
        if not differences.ok:
            raise UserError(f'{arguments.out} differs from PyTorch by more than its tolerance; do not use it')


def write_detector(cfg: Any, arguments: argparse.Namespace) -> None:
    """Export the detector of an mmdet config, and print a line about the file and one about the comparison."""
    if arguments.to != 'onnx':
        raise UserError(f'--to {arguments.to}: a detector is exported to onnx only, which OpenVINO reads too')
    for option, unset in (('flip_test', False), ('precision', None), ('batch', 'dynamic'), ('boxes', None)):
        if (value := getattr(arguments, option)) != unset:
            name = f'{value}' if option == 'precision' else option.replace('_', '-')
            raise UserError(f'--{name} has no effect on a detector; leave it out')
    if arguments.verify == OWN:
        raise UserError('--verify: name the images on which the detector is compared, an image, folder or pattern')
    from hrpose.apis import PersonDetector
    from hrpose.apis.sources import open_source
    from hrpose.cli.run_exported import readable
    from hrpose.export.detector import export_detector
    from hrpose.export.verify import verify_detector

    images = [] if arguments.verify is None else [*islice(readable(open_source(arguments.verify)), COMPARED)]
    threshold = 0.3 if arguments.box_threshold is None else arguments.box_threshold
    detector = PersonDetector(cfg, arguments.checkpoint, score_threshold=threshold, device='cpu')
    metadata = export_detector(detector, arguments.out)
    width, height = metadata.input_size
    size = arguments.out.stat().st_size
    print(f'{arguments.out}: detector, {width}x{height} px, box scores from {threshold:g}, {size / 1e6:.1f} MB')
    if images:
        differences = verify_detector(arguments.out, detector, [image.image for image in images])
        print(differences)
        if not differences.ok:
            raise UserError(f'{arguments.out} differs from PyTorch by more than its tolerance; do not use it')


def batch_of(text: str) -> int:
    """Return the number of people of --batch, 0 for 'dynamic'."""
    if text == 'dynamic':
        return 0
    if not text.isdecimal() or not 1 <= int(text) <= 4096:
        raise UserError(f"--batch {text}: give a number from 1 to 4096, or 'dynamic'")
    return int(text)


def crops_of(arguments: argparse.Namespace, option: str, metadata: Any, cfg: Any) -> list[Any]:
    """Return the crops of --verify or --calibrate."""
    from hrpose.apis.box_file import BoxFile
    from hrpose.export.crops import crops_of_dataset, crops_of_images

    source = getattr(arguments, option)
    loader, count = ('val_dataloader', COMPARED) if option == 'verify' else ('train_dataloader', CALIBRATED)
    if source == OWN:
        crops = crops_of_dataset(cfg, loader, count)
    else:
        crops = crops_of_images(source, metadata, BoxFile(arguments.boxes) if arguments.boxes else None)
    found = list(islice(crops, count))
    if not found:
        raise UserError(f'--{option}: there are no people in {source or loader}; give images with people')
    return found
