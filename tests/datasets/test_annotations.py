"""Which category of a COCO file the people are of."""

import pytest

from hrpose.datasets.annotations import category_of, person_category
from hrpose.errors import UserError

DOG = {'id': 18, 'name': 'dog', 'keypoints': ['nose', 'tail']}
PERSON = {'id': 1, 'name': 'person', 'keypoints': ['nose', 'neck', 'hip']}
BOXES = {'id': 1, 'name': 'person'}


@pytest.mark.parametrize(
    ('categories', 'joints', 'category'),
    [
        ([BOXES, DOG], None, 18),
        ([DOG, PERSON], None, 18),
        ([DOG, PERSON], 3, 1),
        ([{'id': '3', 'name': 'rope'}, BOXES], 3, 1),
        ([{'id': 3, 'name': 'rope'}], 3, None),
        ([], None, None),
    ],
)
def test_people_are_of_the_category_with_keypoints_or_called_person(categories, joints, category):
    assert person_category(categories, joints) == category


def test_categories_of_other_numbers_of_keypoints_are_an_error():
    with pytest.raises(UserError, match='f.json: its category names 2 keypoints, but the metainfo has 17;'):
        person_category([DOG, PERSON], 17, 'f.json')


def test_an_entry_without_category_is_of_category_one():
    assert [category_of(entry) for entry in ({}, {'category_id': None}, {'category_id': '4'})] == [1, 1, 4]
