"""Fit probabilities of joints on half of the test images, measure them on the rest, and store them with the weights.

python tools/analysis/calibrate.py configs/hrnet_w32_coco_256x192.py CHECKPOINT --diagram reliability.png
"""

from pathlib import Path

from hrpose.cli.run import run


def main() -> None:
    """Write the calibrated checkpoint, and print what the calibration is worth."""
    from hrpose.cli.arguments import config_of, config_parser

    parser = config_parser(__doc__)
    parser.add_argument('checkpoint', help='weights to calibrate')
    parser.add_argument(
        '--out', type=Path, metavar='FILE', help='checkpoint to write (default: CHECKPOINT_calibrated.pth beside it)'
    )
    parser.add_argument('--method', default='logistic', help="'logistic' regression, or 'isotonic' on top of it")
    parser.add_argument('--tolerance', type=float, default=0.5, help='OKS similarity of a right joint (default: 0.5)')
    parser.add_argument('--seed', type=int, default=0, help='of the split by image (default: 0)')
    parser.add_argument('--diagram', type=Path, metavar='FILE', help='write the reliability diagram to this PNG file')
    parser.add_argument('--device', default='auto', help='of the network; auto (default) is the GPU if there is one')
    arguments = parser.parse_args()
    from hrpose.analysis.calibration import calibrate, draw_diagram, report_tables
    from hrpose.apis import init_model
    from hrpose.checkpoints import convert_checkpoint, locate

    cfg = config_of(arguments)
    path = locate(arguments.checkpoint)
    model = init_model(cfg, arguments.checkpoint, arguments.device)
    report = calibrate(cfg, model, method=arguments.method, tolerance=arguments.tolerance, seed=arguments.seed)
    print(report_tables(report))
    if arguments.diagram:
        draw_diagram(report, arguments.diagram)
    out = arguments.out or path.with_name(f'{path.stem}_calibrated.pth')
    print(convert_checkpoint(path, out, notes={'calibration': report.calibration.stored()}))


if __name__ == '__main__':
    run(main)
