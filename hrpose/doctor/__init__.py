"""What is wrong with a data set, found and explained before any training.

A file of annotations becomes flat arrays (`people_of`), whatever is wrong with it; each check is a plain function that
returns its findings; `examine` runs them all.
"""

from hrpose.doctor.examine import Report, Subject, check_annotations, check_detections, count_of, examine
from hrpose.doctor.finding import Finding
from hrpose.doctor.joints import check_metainfo, usable_metainfo
from hrpose.doctor.people import People, people_of, read_content
from hrpose.doctor.sheet import overlay_sheet

__all__ = [
    'Finding',
    'People',
    'Report',
    'Subject',
    'check_annotations',
    'check_detections',
    'check_metainfo',
    'count_of',
    'examine',
    'overlay_sheet',
    'people_of',
    'read_content',
    'usable_metainfo',
]
