"""`hrpose page`: serve a page that shows people's poses in the images and videos that one drops there."""

import argparse
import socket
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from hrpose.cli.infer import complete_detector
from hrpose.cli.parser import command_parser
from hrpose.errors import UserError

EXAMPLES = (
    'hrpose page --pose hrnet_w32_coco_256x192',
    'hrpose page --model hrnet.onnx --port 8000',
)

PORT = 8765
NEEDS = 'hrpose page needs Starlette and uvicorn; pip install "hrpose[page]"'


def parser_of(prog: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser(
        prog,
        'Serve a page on this machine. In a browser one drops, pastes or takes images and videos there, '
        'and sees the keypoints of the people. Without a detector one draws their boxes by hand.',
        EXAMPLES,
    )
    add_networks(parser)
    add_server(parser)
    add_static(parser)
    add_limits(parser)
    return parser


def add_networks(parser: argparse.ArgumentParser) -> None:
    """Add the options of the pose network and the detector."""
    pose = parser.add_argument_group('pose network: give --model or --pose')
    pose.add_argument('--model', metavar='FILE', help='what `hrpose export` wrote, .onnx or .xml')
    pose.add_argument('--pose', metavar='CONFIG', help='config file, or a name from `hrpose models`')
    pose.add_argument(
        '--weights', metavar='FILE', help='file, name or address (default: the published weights named by --pose)'
    )
    people = parser.add_argument_group('detector')
    people.add_argument('--detector', metavar='FILE', help='with --model: a detector that `hrpose export` wrote, .onnx')
    people.add_argument('--det', metavar='CONFIG', help='config of a detector of mmdet')
    people.add_argument(
        '--det-weights', metavar='FILE', help="the detector's weights (default: the published ones named by --det)"
    )
    people.add_argument('--box-threshold', type=float, metavar='P', help='lowest score of its boxes (default 0.3)')
    parser.add_argument(
        '--device',
        default='auto',
        help='of --pose and --det: cpu, cuda, cuda:1, …; auto (default) is the GPU if there is one',
    )
    # People a forward pass, for which `hrpose infer` has an option; and the page has no detector by default.
    parser.set_defaults(batch_size=32, finds_by_default=False)


def add_server(parser: argparse.ArgumentParser) -> None:
    """Add the options of the server."""
    server = parser.add_argument_group('server')
    server.add_argument(
        '--host', default='127.0.0.1', help='address to listen on (default 127.0.0.1: this machine alone)'
    )
    server.add_argument('--port', type=int, default=PORT, help=f'0 takes a free one (default {PORT})')
    server.add_argument(
        '--name',
        action='append',
        default=[],
        metavar='HOST',
        help='with --host: a name by which browsers reach this machine; may be repeated',
    )


def add_static(parser: argparse.ArgumentParser) -> None:
    """Add the options of a page without a server."""
    static = parser.add_argument_group('without a server')
    static.add_argument(
        '--static',
        type=Path,
        metavar='DIR',
        help='serve nothing, but write the page into a folder that any server of files can show; --model runs in the '
        'browser',
    )
    static.add_argument(
        '--onnxruntime-web',
        type=Path,
        metavar='DIR',
        help='for --static: the unpacked npm package (default: ./package, as `npm pack onnxruntime-web` unpacks it)',
    )


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Add an option for each limit."""
    from hrpose.page.limits import Limits

    limits = parser.add_argument_group('limits')
    for limit in fields(Limits):
        option = f'--max-{limit.name.replace("_", "-")}'
        words_of_limit = f'{limit.metadata["help"]} (default {limit.default})'
        limits.add_argument(option, type=int, default=limit.default, metavar='N', help=words_of_limit)


def parse_arguments(words: Sequence[str] | None, prog: str | None) -> argparse.Namespace:
    """Return the arguments, checked."""
    from hrpose.page.limits import Limits

    arguments = parser_of(prog).parse_args(words)
    check_arguments(arguments)
    arguments.limits = Limits(**{limit.name: getattr(arguments, f'max_{limit.name}') for limit in fields(Limits)})
    return arguments


def check_arguments(arguments: argparse.Namespace) -> None:
    """Refuse options that do not fit together, and limits that let nothing through."""
    if bool(arguments.model) == bool(arguments.pose):
        which = 'both are given' if arguments.model else 'none is given'
        raise UserError(f'--model and --pose: {which}; give --model FILE, or --pose CONFIG with --weights FILE')
    if arguments.model and arguments.weights:
        raise UserError('--weights has no effect with --model, which has its weights; leave it out')
    if arguments.model and arguments.device != 'auto' and not arguments.det:
        raise UserError('--device has no effect with --model, which runs on the CPU; leave it out')
    if arguments.detector and (arguments.det or not arguments.model):
        raise UserError('--detector goes with --model and without --det; give --det CONFIG with --det-weights instead')
    if arguments.static and (not arguments.model or arguments.det or arguments.detector):
        raise UserError('--static needs --model, an ONNX file, and has no detector; leave the other networks out')
    if arguments.onnxruntime_web and not arguments.static:
        raise UserError('--onnxruntime-web has no effect without --static; leave it out')
    complete_detector(arguments)
    if arguments.box_threshold is not None and not arguments.det:
        raise UserError('--box-threshold has no effect without --det; leave it out')
    if not 0 <= arguments.port < 2**16:
        raise UserError(f'--port {arguments.port}: give a number from 0 to {2**16 - 1}')
    for name, value in vars(arguments).items():
        if name.startswith('max_') and value < 1:
            raise UserError(f'--{name.replace("_", "-")} {value}: give at least 1')


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Load the network and serve the page until Ctrl-C."""
    arguments = parse_arguments(words, prog)
    if arguments.static:
        write_static(arguments)
        return
    try:
        import uvicorn

        from hrpose.page.server import make_app
    except ModuleNotFoundError as error:
        if error.name not in ('starlette', 'uvicorn'):
            raise
        raise UserError(NEEDS) from error
    from hrpose.page.guard import LOOPBACK

    with listen(arguments.host, arguments.port) as listener:  # before the weights are read
        pose, metainfo = build_pose(arguments)
        app = make_app(
            pose,
            metainfo,
            detects=pose.detector is not None,
            title=Path(arguments.model or arguments.pose).stem,
            limits=arguments.limits,
            hosts={*LOOPBACK, arguments.host, *arguments.name},
            stopping=lambda: server.should_exit,
        )
        host, port = listener.getsockname()[:2]
        print(f'http://{f"[{host}]" if ":" in host else host}:{port}/ shows the page; Ctrl-C ends it', flush=True)
        if arguments.host not in LOOPBACK:
            print('whoever reaches that address can use the page: it asks for no password', flush=True)
        settings = uvicorn.Config(
            app, log_level='warning', server_header=False, ws='none', timeout_graceful_shutdown=10
        )
        server = uvicorn.Server(settings)
        server.run(sockets=[listener])


def write_static(arguments: argparse.Namespace) -> None:
    """Write the page without a server, and say how to look at it."""
    from hrpose.export.runtime import load_graph
    from hrpose.page.static import write_static_page

    model = Path(arguments.model)
    _, metadata = load_graph(model)
    write_static_page(arguments.static, model, metadata, arguments.onnxruntime_web or Path('package'), arguments.limits)
    print(f'wrote {arguments.static}. To see it: python -m http.server --directory {arguments.static}')


def build_pose(arguments: argparse.Namespace) -> tuple[Any, Mapping[str, Any]]:
    """Return the network with its detector, and the metainfo of its joints."""
    from hrpose.cli.infer import build_detector, build_inferencer

    if arguments.pose:
        inferencer = build_inferencer(arguments)
        return inferencer, inferencer.metainfo
    from hrpose.export.runtime import ExportedDetector, ExportedPose

    exported = ExportedPose(arguments.model)  # its file is cheaper to check than the detector's
    if arguments.detector:
        exported.detector = ExportedDetector(arguments.detector)
    if arguments.det:
        exported.detector = build_detector(arguments, arguments.device)
    return exported, exported.metadata.metainfo


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens there.

    Raises:
        UserError: there is no such address, or another program listens there.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        reason = str(error.strerror or error).partition(' (')[0]
        raise UserError(f'cannot listen on {host}, port {port}: {reason}; choose another --host or --port') from error
