"""Hostile input as hypothesis draws it: documents, bytes and words that are nearly right."""

import copy
import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

# What a stranger's file may hold in any place.
ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, -(10**20), 1e308, float('nan'), float('inf'), -0.0, 0.5),
    *(
        '',
        ' ',
        'a',
        '\x00',
        '../../../../../../etc/passwd',
        '/dev/zero',
        '/dev/stdin',
        '{{',
        '%s',
        'é\ud800',
        'x' * 5000,
    ),
    *([], {}, [[]], [None], {'a': None}, [0] * 51, [1e308] * 4, [float('nan')] * 4, ['a', 'b', 'c', 'd'], [-1] * 4),
)

# No JSON of a sane writer's: nested deeper than a reader can follow, numbers with more digits than Python converts.
ODD_TEXTS = (b'', b'null', b'[' * 100_000, b'{"images":' * 50_000, b'9' * 5000, b'{"images": [' + b'9' * 5000 + b']}')
ODD_TEXTS += (b'\xff\xfe[\x00]\x00', b'\xef\xbb\xbf[]', b'[1e99999]', b'"\\ud800"', b'{"a": 1, "a": 2}', b'\x00' * 99)

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(ODD_VALUES)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def places_of(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) of a document."""
    if isinstance(value, dict):
        keys: list[Any] = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    else:
        return []
    return [place for key in keys for place in [(value, key), *places_of(value[key])]]


@st.composite
def spoiled(draw: DrawFn, document: Any) -> Any:
    """Draw a copy of a JSON-like document with up to three values replaced, removed, doubled or swapped."""
    changed = copy.deepcopy(document)
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 3)))):
        places = places_of(changed)
        if not places:
            break
        container, key = draw(st.sampled_from(places))
        how = draw(st.sampled_from(('replace', 'remove', 'double', 'swap')))
        if how == 'remove':
            del container[key]
        elif how == 'double' and isinstance(container, list):
            container.insert(key, copy.deepcopy(container[key]))
        elif how == 'swap':
            other, place = draw(st.sampled_from(places))
            container[key] = copy.deepcopy(other[place])
        else:
            container[key] = copy.deepcopy(draw(values))  # what was drawn is not for the next edit to change
    return changed


@st.composite
def spoiled_bytes(draw: DrawFn, content: bytes) -> bytes:
    """Draw bytes with some changed, cut out or repeated, or the end cut off."""
    data = bytearray(content)
    for _ in range(draw(st.sampled_from((1, 1, 2, 4, 16)))):
        if not data:
            break
        at = draw(st.integers(0, len(data) - 1))
        how = draw(st.sampled_from(('change', 'change', 'write', 'cut', 'repeat', 'end')))
        if how == 'change':
            data[at] = draw(st.integers(0, 255))
        elif how == 'write':  # a length or an offset, for instance
            written = draw(st.sampled_from((b'\xff' * 4, b'\x00' * 4, b'\xff\xff\xff\x7f', b'\x00\x01', b'\xff' * 8)))
            data[at : at + len(written)] = written
        elif how == 'cut':
            del data[at : at + draw(st.integers(1, 64))]
        elif how == 'repeat':
            data[at:at] = data[at : at + draw(st.integers(1, 64))]
        elif draw(st.integers(0, 2)) == 0:
            del data[at:]
    return bytes(data)


def json_files(document: Any, *, dump: Callable[[Any], str] = json.dumps) -> SearchStrategy[bytes]:
    """Return JSON files near a document: mostly of its form, some of broken bytes, some of an odd form altogether."""
    text = dump(document).encode()
    near = spoiled(document).map(lambda changed: dump(changed).encode())
    return near | near | near | near | spoiled_bytes(text) | st.sampled_from(ODD_TEXTS)
