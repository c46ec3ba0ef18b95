"""The page's colours can be read, in light and in dark."""

import re

import pytest

from hrpose.page.static import FILES

CSS = (FILES / 'page.css').read_text()
LIGHT, DARK = (
    dict(re.findall(r'--([\w-]+): (#[0-9a-f]{3,6});', block)) for block in re.findall(r':root \{(.*?)\}', CSS, re.S)
)


def luminance(colour: str) -> float:
    """Return the relative luminance of '#rgb' or '#rrggbb' (WCAG 2)."""
    digits = colour[1:] if len(colour) == 7 else ''.join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize('scheme', [LIGHT, DARK], ids=['light', 'dark'])
@pytest.mark.parametrize(
    ('text', 'ground'),
    [
        *((text, ground) for text in ('text', 'quiet', 'accent') for ground in ('ground', 'panel')),
        ('bad', 'panel'),
        ('good', 'panel'),
        ('bad', 'bad-ground'),
        ('on-accent', 'accent'),
    ],
)
def test_texts_stand_out_from_their_ground(scheme, text, ground):
    darker, lighter = sorted(map(luminance, (scheme[text], scheme[ground])))
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5
