"""Pictures: poses, boxes and heatmaps on images, contact sheets, training curves, videos, a visualizer."""

from hrpose.visualization.curves import plot_training, read_run, read_scalars
from hrpose.visualization.draw import draw_boxes, draw_heatmaps, draw_pose, side_by_side
from hrpose.visualization.inputs import draw_input, input_sheet
from hrpose.visualization.people import crop_around, draw_samples, prediction_sheet
from hrpose.visualization.pose_visualizer import PoseVisualizer
from hrpose.visualization.sheet import contact_sheet

__all__ = [
    'PoseVisualizer',
    'contact_sheet',
    'crop_around',
    'draw_boxes',
    'draw_heatmaps',
    'draw_input',
    'draw_pose',
    'draw_samples',
    'input_sheet',
    'plot_training',
    'prediction_sheet',
    'read_run',
    'read_scalars',
    'side_by_side',
]
