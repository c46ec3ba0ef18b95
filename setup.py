"""Packaging of hrpose. Dependencies are in requirements/, settings of tools in pyproject.toml."""

import os
import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
EXTRAS = ('train', 'detection', 'analysis', 'page', 'export', 'completion', 'runtime', 'xtcocotools', 'tests')

# The same package under two names. pip's extras only add, so `hrpose[runtime]` would bring PyTorch, which `hrpose`
# needs. `HRPOSE_DISTRIBUTION=hrpose-runtime pip wheel .` builds what runs exported networks, without PyTorch.
NAME = os.environ.get('HRPOSE_DISTRIBUTION', 'hrpose')
RUN = 'hrpose-run = hrpose.cli.run_exported:command'  # runs exported networks


def read_version() -> str:
    """Return hrpose's version without importing it: building must not need PyTorch."""
    text = (ROOT / 'hrpose' / 'version.py').read_text()
    match = re.search(r"^__version__ = '([^']+)'", text, re.M)
    if match is None:
        raise RuntimeError("hrpose/version.py has no line __version__ = '…'")
    return match.group(1)


def read_requirements(name: str) -> list[str]:
    """Return the requirements listed in requirements/`name`.txt, without its comments."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    return [line for line in map(str.strip, lines) if line and not line.startswith('#')]


def read_readme() -> str:
    """Return README.md, or nothing where it was not packed."""
    path = ROOT / 'README.md'
    return path.read_text() if path.is_file() else ''


class BuildWithConfigs(build_py):
    """Copies configs/ into the package for `hrpose.config.shipped`. An editable install uses the clone's."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / 'hrpose' / '.mim' / 'configs'
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(ROOT / 'configs', target, ignore=shutil.ignore_patterns('__pycache__'))


if NAME == 'hrpose':
    needs = read_requirements('light') + read_requirements('base')
    extras = {extra: read_requirements(extra) for extra in EXTRAS}
    extras['all'] = [f'hrpose[{",".join(extra for extra in EXTRAS if extra not in ("xtcocotools", "tests"))}]']
    scripts = ['hrpose = hrpose.cli.main:main', RUN]
elif NAME == 'hrpose-runtime':
    needs, extras, scripts = read_requirements('light') + read_requirements('runtime'), {}, [RUN]
else:
    raise RuntimeError(f"HRPOSE_DISTRIBUTION is '{NAME}'; choices: hrpose, hrpose-runtime")

setup(
    name=NAME,
    version=read_version(),
    description='HRNet human pose estimation: trained, evaluated and run from Python config files',
    long_description=read_readme(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.10',
    packages=find_packages(include=['hrpose', 'hrpose.*']),
    include_package_data=True,
    entry_points={'console_scripts': scripts},
    cmdclass={'build_py': BuildWithConfigs},
    install_requires=needs,
    extras_require=extras,
    classifiers=[
        *(f'Programming Language :: Python :: 3.{minor}' for minor in (10, 11, 12, 13)),
        'Topic :: Scientific/Engineering :: Image Recognition',
    ],
)
