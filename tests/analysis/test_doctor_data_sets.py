"""The doctor on data sets whose files are not COCO's as they stand: it examines what the data set reads."""

import pytest

from hrpose.analysis.doctor.examine import examine
from hrpose.analysis.doctor.subjects import subjects_of_config
from hrpose.config import parse_options
from tests.conftest import ROOT
from tests.data_sets import DATA_SETS, NUMBER, lay_out


@pytest.mark.parametrize('name', DATA_SETS)
def test_generated_people_have_no_error_whatever_their_files_layout(name, tmp_path):
    options, _ = lay_out(name, tmp_path)
    config = ROOT / 'configs' / f'{DATA_SETS[name][0]}.py'
    findings, (subject,) = subjects_of_config(str(config), parse_options(options), splits=('train',))
    report = examine(subject)
    errors = [each for each in (*findings, *report.findings) if each.severity == 'error']
    assert errors == [] and len(report.people.ids) == NUMBER
    by_records = name in ('ap10k', 'coco_wholebody', 'halpe', 'jhmdb')
    assert any(each.fault == 'records_only' for each in report.findings) == by_records
