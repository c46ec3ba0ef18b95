"""Files for those who carry the project on are valid and agree with the code."""

import ast
import re
from pathlib import Path

import pytest
import yaml

import hrpose
from hrpose.engine.distributed.machines import PORT

ROOT = Path(__file__).parents[1]
PINS = {path.name: path.read_text() for path in sorted(ROOT.glob('requirements/constraints-3.*.txt'))}


def read(name: str) -> dict:
    return yaml.safe_load((ROOT / name).read_text())


def test_the_citation_has_the_required_fields_and_the_version():
    citation = read('CITATION.cff')
    assert citation['cff-version'] == '1.2.0'
    assert {'message', 'title', 'authors'} <= set(citation)
    assert citation['version'] == hrpose.__version__
    paper = citation['preferred-citation']
    assert {'type', 'title', 'authors'} <= set(paper)


def test_the_changelog_has_the_version():
    assert f'## {hrpose.__version__}\n' in (ROOT / 'CHANGELOG.md').read_text()


def test_pre_commit_runs_what_make_check_runs():
    hooks = [hook['entry'].split()[0] for repo in read('.pre-commit-config.yaml')['repos'] for hook in repo['hooks']]
    checks = (ROOT / 'Makefile').read_text().partition('\ncheck:')[2].partition('\n\n')[0]
    commands = re.findall(r'^\t\$\(BIN\)/(\w+)', checks, re.M)
    assert sorted(commands) == sorted(hook.removeprefix('.venv/bin/') for hook in hooks)


def test_the_workflow_runs_the_same_script_as_everybody():
    (job,) = read('.github/workflows/ci.yml')['jobs'].values()
    assert job['steps'][-1] == {'run': '.ci/run'}
    assert (ROOT / '.ci' / 'run').stat().st_mode & 0o111


def test_every_pinned_package_is_audited():
    (job,) = read('.github/workflows/audit.yml')['jobs'].values()
    command = job['steps'][-1]['run']
    assert command.endswith('pip-audit --requirement "$file" --no-deps --disable-pip; done')
    assert command.startswith('for file in requirements/constraints-3.*.txt; do')
    lines = [line for pins in PINS.values() for line in pins.splitlines() if line and not line.startswith('#')]
    assert lines and all(re.fullmatch(r'[\w.-]+==[\w.]+', line) for line in lines)  # --no-deps takes exact pins only


def test_security_states_the_date_of_the_pins_and_the_open_port():
    text = (ROOT / 'SECURITY.md').read_text()
    dates = {date for pins in PINS.values() for date in re.findall(r'Pinned on (\d{4}-\d\d-\d\d)', pins)}
    assert f'as of {max(dates)}' in text and f'({PORT})' in text


@pytest.mark.parametrize('name', ['bug_report', 'feature_request'])
def test_issue_templates_are_forms(name):
    form = read(f'.github/ISSUE_TEMPLATE/{name}.yml')
    assert {'name', 'description', 'body'} <= set(form)
    assert len({part['id'] for part in form['body']}) == len(form['body'])


GUIDE = (ROOT / 'CONTRIBUTING.md').read_text()


def test_every_path_in_the_guide_exists():
    named = re.findall(r'`([\w.-]+(?:/[\w.-]*)+)`', GUIDE)
    assert len(named) > 40
    assert [path for path in named if not (ROOT / path).exists()] == []


STEPS = re.findall(r'^\d+\. `(\S+\.py)`: (.*)$', GUIDE, re.M)


@pytest.mark.parametrize(('path', 'text'), STEPS, ids=[path for path, _ in STEPS])
def test_every_step_of_a_walk_names_what_is_in_its_file(path, text):
    tree = ast.parse((ROOT / path).read_text())
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    first = re.match(r'`([\w.]+)`', text)
    assert first is not None
    assert set(first[1].split('.')) <= defined
