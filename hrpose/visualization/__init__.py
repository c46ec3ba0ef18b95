"""Drawing: poses, boxes and heatmaps on images, contact sheets, and the visualizer."""

from typing import TYPE_CHECKING

from hrpose.lazy import lazy
from hrpose.visualization.draw import draw_boxes, draw_heatmaps, draw_pose, draw_trails
from hrpose.visualization.sheets import contact_sheet, crop_around, side_by_side

if TYPE_CHECKING:
    from hrpose.visualization.samples import PoseVisualizer, draw_input, draw_samples, input_sheet, prediction_sheet

__all__ = [
    'PoseVisualizer',
    'contact_sheet',
    'crop_around',
    'draw_boxes',
    'draw_heatmaps',
    'draw_input',
    'draw_pose',
    'draw_samples',
    'draw_trails',
    'input_sheet',
    'prediction_sheet',
    'side_by_side',
]

__getattr__ = lazy(
    __name__,
    {
        'PoseVisualizer': 'hrpose.visualization.samples',
        'draw_input': 'hrpose.visualization.samples',
        'draw_samples': 'hrpose.visualization.samples',
        'input_sheet': 'hrpose.visualization.samples',
        'prediction_sheet': 'hrpose.visualization.samples',
    },
)
