"""Hostile input, made from a seed: documents, bytes and words that are nearly right."""

import copy
import random
from typing import Any

# What a stranger's file may hold in any place.
ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, -(10**20), 1e308, float('nan'), float('inf'), -0.0, 0.5),
    *('', ' ', 'a', '\x00', '../../../etc/passwd', '/dev/zero', '/dev/stdin', '{{', '%s', 'é\ud800', 'x' * 5000),
    *([], {}, [[]], [None], {'a': None}, [0] * 51, [1e308] * 4, [float('nan')] * 4, ['a', 'b', 'c', 'd'], [-1] * 4),
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


def spoil_document(document: Any, chance: random.Random) -> Any:
    """Return a copy of a JSON document with up to three values replaced, removed, doubled or swapped."""
    spoiled = copy.deepcopy(document)
    for _ in range(chance.randint(1, 3)):
        places = places_of(spoiled)
        if not places:
            break
        container, key = chance.choice(places)
        how = chance.choice(('replace', 'replace', 'remove', 'double', 'swap'))
        if how == 'remove':
            del container[key]
        elif how == 'double' and isinstance(container, list):
            container.insert(key, copy.deepcopy(container[key]))
        elif how == 'swap':
            other, place = chance.choice(places)
            container[key] = copy.deepcopy(other[place])
        else:
            container[key] = copy.deepcopy(chance.choice(ODD_VALUES))
    return spoiled


def spoil_bytes(content: bytes, chance: random.Random) -> bytes:
    """Return bytes with some flipped, cut out, repeated, or the end cut off."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        if not data:
            break
        at = chance.randrange(len(data))
        how = chance.choice(('flip', 'flip', 'cut', 'repeat', 'end'))
        if how == 'flip':
            data[at] = chance.randrange(256)
        elif how == 'cut':
            del data[at : at + chance.randrange(1, 64)]
        elif how == 'repeat':
            data[at:at] = data[at : at + chance.randrange(1, 64)]
        elif chance.random() < 0.3:
            del data[at:]
    return bytes(data)


def odd_word(names: list[str], chance: random.Random) -> str:
    """Return a word for `--cfg-options`: a name of the config, perhaps misspelt, and a value of any kind."""
    name = chance.choice([*names, 'a.b', '', '.', 'model.', '0', '__class__', 'model.__init__', '_base_'])
    if chance.random() < 0.2 and name:
        at = chance.randrange(len(name))
        name = name[:at] + chance.choice('x.0_é=') + name[at + 1 :]
    values = (
        *(
            '1',
            '-1',
            '0',
            '1e999',
            'nan',
            'None',
            'true',
            "'a'",
            '(1,2)',
            '[1,[2]]',
            "{'type':'HRNet'}",
            '{}',
            '[]',
            '',
        ),
        *('(' * 500, '9' * 5000, "__import__('os').system('touch HACKED')", '{{fileDirname}}', "open('HACKED','w')"),
        *('/etc/passwd', '../../x', '${HOME}', '\x00', "{'_delete_':True}", 'lambda: 0', "{'type':'os.system'}"),
    )
    return name + chance.choice(('=', '=', '=', '=', '', '==')) + chance.choice(values)
