"""What is wrong with a data set, found and explained before any training.

A file of annotations becomes flat arrays (`People`), whatever is wrong with it; each check is a plain function that
returns its findings; `examine` runs them all.
"""

from hrpose.doctor.examine import Report, Subject, count_of, examine
from hrpose.doctor.finding import Fault, Finding
from hrpose.doctor.joints import check_metainfo, usable_metainfo
from hrpose.doctor.people import People
from hrpose.doctor.sheet import overlay_sheet

__all__ = [
    'Fault',
    'Finding',
    'People',
    'Report',
    'Subject',
    'check_metainfo',
    'count_of',
    'examine',
    'overlay_sheet',
    'usable_metainfo',
]
