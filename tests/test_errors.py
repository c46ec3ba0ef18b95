"""The hint that names the closest valid names."""

import pytest

from hrpose.errors import nearest


@pytest.mark.parametrize(
    ('name', 'choices', 'clause'),
    [
        ('HRNett', ['HRNet', 'ResNet', 'CPN'], 'nearest: HRNet, ResNet'),
        ('zzz', ['b', 'a'], 'choices: a, b'),
        ('zzz', [], 'choices: none'),
        ('zzz', [f'name{index}' for index in range(13)], 'none of the 13 known names is close'),
    ],
)
def test_nearest_names_the_likely_choices(name, choices, clause):
    assert nearest(name, choices) == clause
