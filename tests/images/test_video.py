"""Videos: what is written opens, at its rate and size, and has its name only once it is complete."""

import cv2
import numpy as np
import pytest

from hrpose.errors import UserError
from hrpose.images.video import VideoWriter, open_capture, read_frames


def read(path):
    """Return a video's frames and its rate."""
    capture = open_capture(path)
    return list(read_frames(capture)), capture.get(cv2.CAP_PROP_FPS)


@pytest.mark.parametrize('rate', [5, 23.976, 30000 / 1001, 60])
@pytest.mark.parametrize('size', [(64, 48), (48, 64), (1280, 720)])
def test_a_video_keeps_rate_size_and_content(rate, size, tmp_path):
    writer = VideoWriter(tmp_path / 'new' / 'clip.mp4', rate=rate, size=size)
    for index in range(5):
        writer.write(np.full((size[1], size[0], 3), 50 * index, np.uint8))
    writer.close()
    frames, found = read(tmp_path / 'new' / 'clip.mp4')
    assert found == pytest.approx(rate, rel=1e-4)
    assert [frame.shape for frame in frames] == [(size[1], size[0], 3)] * 5
    assert [round(frame.mean() / 50) for frame in frames] == [0, 1, 2, 3, 4]


def test_frames_are_rgb_when_written_and_read(tmp_path):
    writer = VideoWriter(tmp_path / 'red.mp4', rate=25, size=(64, 48))
    writer.write(np.full((48, 64, 3), (220, 40, 60), np.uint8))
    writer.close()
    as_opencv = cv2.VideoCapture(str(tmp_path / 'red.mp4')).read()[1]
    ((frame,), _) = read(tmp_path / 'red.mp4')
    np.testing.assert_array_equal(frame, as_opencv[..., ::-1])
    np.testing.assert_allclose(frame.mean(axis=(0, 1)), (220, 40, 60), atol=5)


def test_of_an_odd_side_the_last_row_or_column_goes(tmp_path):
    writer = VideoWriter(tmp_path / 'odd.mp4', rate=25, size=(65, 49))
    writer.write(np.zeros((49, 65, 3), np.uint8))
    writer.close()
    assert [frame.shape for frame in read(tmp_path / 'odd.mp4')[0]] == [(48, 64, 3)]


def test_a_file_has_its_name_once_it_is_closed(tmp_path):
    writer = VideoWriter(tmp_path / 'clip.mp4', rate=25, size=(64, 48))
    writer.write(np.zeros((48, 64, 3), np.uint8))
    assert not (tmp_path / 'clip.mp4').exists()
    writer.close()
    writer.close()
    assert [path.name for path in tmp_path.iterdir()] == ['clip.mp4']


@pytest.mark.parametrize(
    ('path', 'options', 'said'),
    [
        ('clip.avi', {}, r'videos are written as \.mp4'),
        ('clip.mp4', {'rate': 0}, 'the frame rate 0 is not a positive number'),
        ('clip.mp4', {'rate': float('nan')}, 'the frame rate nan is not a positive number'),
        ('clip.mp4', {'size': (0, 48)}, r'OpenCV cannot write the video .* of \(0, 48\)'),
    ],
)
def test_what_cannot_be_written_is_refused_at_construction(path, options, said, tmp_path):
    with pytest.raises(UserError, match=said):
        VideoWriter(tmp_path / path, **{'rate': 25, 'size': (64, 48), **options})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    'image', [np.zeros((64, 48, 3), np.uint8), np.zeros((48, 64), np.uint8), np.zeros((48, 64, 3))]
)
def test_a_frame_of_another_size_or_type_is_refused(image, tmp_path):
    writer = VideoWriter(tmp_path / 'clip.mp4', rate=25, size=(64, 48))
    with pytest.raises(UserError, match=r'takes frames of \(64, 48\) \(w, h\) px, uint8 RGB'):
        writer.write(image)
