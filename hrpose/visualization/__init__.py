"""Drawing: poses, boxes and heatmaps on images, contact sheets, training curves, and the visualizer."""

from hrpose.visualization.curves import plot_training, read_run, read_scalars
from hrpose.visualization.draw import draw_boxes, draw_heatmaps, draw_pose
from hrpose.visualization.pose_visualizer import PoseVisualizer
from hrpose.visualization.samples import draw_input, draw_samples, input_sheet, prediction_sheet
from hrpose.visualization.sheets import contact_sheet, crop_around, side_by_side

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
