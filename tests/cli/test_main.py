"""The console command `hrpose`: its subcommands, its help, and its answer to a wrong word."""

import inspect
import re
import shlex
import subprocess
import sys
from importlib import import_module

import pytest

from hrpose.cli.completion import SHELLS
from hrpose.cli.main import COMMANDS, dispatch, main, module_of
from hrpose.version import __version__
from tests.test_public_names import EXPENSIVE


def call(capsys, *words):
    """Call `hrpose`; return its exit status and what it printed."""
    with pytest.raises(SystemExit) as left:
        main(words)
    captured = capsys.readouterr()
    return left.value.code or 0, captured.out + captured.err


@pytest.mark.parametrize('words', [['--help'], ['-h']])
def test_help_lists_every_command_with_its_summary(words, capsys):
    status, output = call(capsys, *words)
    assert status == 0
    for name, summary in COMMANDS.items():
        assert re.search(rf'^  {name} +{re.escape(summary)}$', output, re.M)


def test_help_imports_nothing_expensive(repository):
    script = (
        'import sys\nfrom hrpose.cli.main import main\ntry: main(["--help"])\nexcept SystemExit: print(*sys.modules)'
    )
    out = subprocess.run([sys.executable, '-c', script], cwd=repository, capture_output=True, text=True, check=True)
    assert set(EXPENSIVE).isdisjoint(out.stdout.split())


@pytest.mark.parametrize('name', COMMANDS)
def test_the_help_of_a_subcommand_has_its_full_name(name, capsys):
    status, output = call(capsys, name, '--help')
    assert status == 0
    assert output.startswith(f'usage: hrpose {name} ')


@pytest.mark.parametrize('name', COMMANDS)
def test_the_help_of_a_subcommand_ends_with_examples_that_parse(name):
    parser, examples = module_of(name).parser_of(f'hrpose {name}'), module_of(name).EXAMPLES
    assert 1 <= len(examples) <= 3
    assert parser.format_help().endswith('\nexamples:\n  ' + '\n  '.join(examples) + '\n')
    for example in examples:
        program, command, *words = shlex.split(example.partition(' > ')[0])
        assert (program, command) == ('hrpose', name)
        parser.parse_intermixed_args(words)


# The word for each thing, and words for it that no subcommand may use in its place.
OPTIONS = {
    '--out': {'--output', '--output-dir', '--out-dir', '--save-dir'},
    '--device': {'--gpu', '--cuda'},
    '--workers': {'--num-workers', '--jobs'},
    '--batch-size': {'--bs'},
    '--cfg-options': {'--options', '--set'},
    '--overwrite': {'--force'},
    '--images': {'--image-dir', '--img-dir'},
    '--json': {'--to-json', '--json-file'},
}


def test_one_thing_has_one_name_in_all_subcommands():
    options = {option for name in COMMANDS for option in module_of(name).parser_of()._option_string_actions}
    assert set(OPTIONS) <= options
    assert options.isdisjoint(set().union(*OPTIONS.values()))


@pytest.mark.parametrize('shell', SHELLS)
def test_completion_knows_every_subcommand_and_option(shell, capsys):
    main(['completion', shell])
    script = capsys.readouterr().out
    assert all(name in script for name in COMMANDS) and '--whole-image' in script and '--dry-run' in script


def test_bash_completes_a_subcommand(tmp_path, capsys):
    main(['completion', 'bash'])
    (tmp_path / 'hrpose.bash').write_text(capsys.readouterr().out)
    ask = 'source hrpose.bash; COMP_WORDS=(hrpose make-s); COMP_CWORD=1; _shtab_hrpose; echo "${COMPREPLY[@]}"'
    done = subprocess.run(['bash', '-c', ask], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == 'make-synthetic'


def test_completion_without_shtab_names_the_extra(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'shtab', None)
    status, output = call(capsys, 'completion', 'bash')
    assert status == 2 and "pip install 'hrpose[completion]'" in output


@pytest.mark.parametrize('name', COMMANDS)
def test_every_subcommand_has_the_same_signature(name):
    parameters = inspect.signature(import_module(f'hrpose.cli.{name.replace("-", "_")}').main).parameters
    assert [(one.name, one.default) for one in parameters.values()] == [('words', None), ('prog', None)]


def test_an_unknown_command_names_the_nearest(capsys):
    status, output = call(capsys, 'convret')
    assert status == 2
    assert output == "error: hrpose has no subcommand 'convret'; nearest: convert\n"


@pytest.mark.parametrize('words', [[], ['--verbose', 'convert'], ['--']])
def test_no_subcommand_is_an_error_with_the_usage(words, capsys):
    status, output = call(capsys, *words)
    assert status == 2
    assert 'usage: hrpose [-h] [--version] COMMAND' in output


def test_version(capsys):
    assert call(capsys, '--version') == (0, f'hrpose {__version__}\n')


def test_words_after_the_name_reach_the_subcommand(monkeypatch):
    got = []
    monkeypatch.setattr('hrpose.cli.convert.main', lambda words, prog: got.append((words, prog)))
    dispatch(['convert', '--version', 'a b', '-h'])
    assert got == [(['--version', 'a b', '-h'], 'hrpose convert')]


def test_a_users_mistake_in_a_subcommand_is_one_message(capsys, tmp_path):
    status, output = call(capsys, 'convert', str(tmp_path / 'nothing.pth'), str(tmp_path / 'out.pth'))
    assert status == 2
    assert output == f'error: checkpoint {tmp_path / "nothing.pth"}: no such file; check the path\n'


def test_the_installed_script_is_this_main(repository):
    (target,) = re.findall(r"'hrpose = ([\w.:]+)'", (repository / 'setup.py').read_text())
    module, name = target.split(':')
    assert getattr(import_module(module), name) is main


def test_python_m_is_the_same_command(repository):
    words = [sys.executable, '-m', 'hrpose', '--version']
    out = subprocess.run(words, cwd=repository, capture_output=True, text=True, check=True)
    assert out.stdout == f'hrpose {__version__}\n'


def test_ctrl_c_ends_a_subcommand_with_status_130(monkeypatch, capsys):
    def stop(words, prog):
        raise KeyboardInterrupt

    monkeypatch.setattr('hrpose.cli.convert.main', stop)
    assert call(capsys, 'convert') == (130, 'stopped by Ctrl-C\n')
