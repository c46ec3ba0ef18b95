"""What is wrong with a data set, found and explained before any training.

A file of annotations becomes flat arrays (`People`), whatever is wrong with it; each check is a plain function that
returns its findings; `examine` runs them all.
"""

from hrpose.analysis.doctor.examine import Report, Subject, count_of, examine
from hrpose.analysis.doctor.finding import Fault, Finding
from hrpose.analysis.doctor.joints import check_metainfo, usable_metainfo
from hrpose.analysis.doctor.people import People
from hrpose.analysis.doctor.sheet import overlay_sheet

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
