"""Identities of people over the frames of a video, and smoothing of their joints over time."""

from hrpose.tracking.flow import DISFlow, FlowTracker
from hrpose.tracking.online import OnlineTracker
from hrpose.tracking.people import frame_time
from hrpose.tracking.smoothing import OneEuroFilter, smooth_people, smooth_track

__all__ = [
    'DISFlow',
    'FlowTracker',
    'OneEuroFilter',
    'OnlineTracker',
    'frame_time',
    'smooth_people',
    'smooth_track',
]
