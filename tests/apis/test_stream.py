"""A stream over folders, patterns, videos, cameras and frames: what comes, in which order, and what is skipped."""

import re

import cv2
import numpy as np
import pytest

from hrpose.apis import Boxes, PoseInferencer
from hrpose.apis.inferencer import CPU_BATCH
from hrpose.apis.sources import open_source
from hrpose.errors import UserError
from hrpose.images.files import save_image
from hrpose.images.video import VideoWriter
from tests.apis.cases import Detections
from tests.checkpoints.conftest import make_server, server  # noqa: F401

CLIP = 'posetrack18/videos/000001_mpiinew_test'


def run(pose, source, **options):
    """Go through a stream; returns its results, what was reported, and the stream."""
    said = []
    stream = pose.stream(source, boxes=options.pop('boxes', 'whole_image'), report=said.append, **options)
    return list(stream), said, stream


def write_video(path, frames=6, size=(64, 48), rate=12.5):
    code = {'.avi': 'MJPG', '.gif': 'GIF '}.get(path.suffix, 'mp4v')
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*code), rate, size)
    for index in range(frames):
        writer.write(np.full((size[1], size[0], 3), 40 * index, np.uint8))
    writer.release()
    return path


def moved_to_the_front(content: bytes) -> bytes:
    """Return an MP4 file with its index (`moov`) ahead of its frames (`mdat`), where a cut spares it."""
    boxes, place = {}, 0
    while place < len(content):
        length = int.from_bytes(content[place : place + 4], 'big')
        boxes[content[place + 4 : place + 8]] = content[place : place + length]
        place += length
    index = bytearray(boxes[b'moov'])
    for table in re.finditer(b'stco', bytes(index)):
        start = table.start() + 12
        for entry in range(int.from_bytes(index[start - 4 : start], 'big')):
            spot = slice(start + 4 * entry, start + 4 * entry + 4)
            index[spot] = (int.from_bytes(index[spot], 'big') + len(index)).to_bytes(4, 'big')
    return b''.join(bytes(index) if name == b'moov' else box for name, box in sorted(boxes.items(), key=order_in_file))


def order_in_file(item):
    return [b'ftyp', b'moov', b'free', b'mdat'].index(item[0])


def test_a_folder_gives_its_images_and_videos_by_name(pose, make_image, tmp_path):
    for name in ('b.png', 'a.JPG', 'sub/c.png'):
        save_image(tmp_path / name, make_image())
    write_video(tmp_path / 'aa.mp4', frames=2)
    (tmp_path / 'notes.txt').write_text('not one of them')
    results, said, stream = run(pose, tmp_path)
    found = [(result.source.removeprefix(f'{tmp_path}/'), result.frame_index) for result in results]
    assert found == [('a.JPG', None), ('aa.mp4', 0), ('aa.mp4', 1), ('b.png', None)]
    assert (stream.done, stream.skipped, stream.source.total, said) == (4, 0, 4, [])


@pytest.mark.parametrize(('pattern', 'names'), [('*.png', ['b.png']), ('**', ['b.png', 'sub/c.png'])])
def test_a_pattern_gives_every_file_that_it_matches(pattern, names, pose, make_image, tmp_path):
    for name in ('b.png', 'sub/c.png'):
        save_image(tmp_path / name, make_image())
    results, _, stream = run(pose, f'{tmp_path}/{pattern}')
    assert [result.source.removeprefix(f'{tmp_path}/') for result in results] == names
    assert stream.source.total == len(names)


def test_a_folder_whose_name_looks_like_a_pattern_is_that_folder(pose, make_image, tmp_path):
    save_image(tmp_path / 'run [1]' / 'a.png', make_image())
    assert len(run(pose, tmp_path / 'run [1]')[0]) == 1
    assert len(run(pose, str(tmp_path / 'run [1]' / 'a.png'))[0]) == 1


def test_frames_of_a_program_are_read_as_they_are_needed(pose, make_image):
    taken = []

    def frames():
        for index in range(100):
            taken.append(index)
            yield make_image()

    stream = iter(pose.stream(frames(), boxes='whole_image'))
    first = next(stream)
    assert (first.source, first.frame_index) == (None, 0)
    assert len(taken) == CPU_BATCH


def test_broken_files_and_frames_are_reported_counted_and_skipped(pose, make_image, tmp_path):
    good = save_image(tmp_path / 'good.png', make_image())
    (tmp_path / 'empty.jpg').write_bytes(b'')
    (tmp_path / 'text.jpg').write_bytes(b'text')
    (tmp_path / 'text.mp4').write_bytes(b'text')
    (tmp_path / 'empty.mp4').write_bytes(b'')
    results, said, stream = run(pose, tmp_path)
    assert [result.source for result in results] == [str(good)]
    assert (stream.done, stream.skipped, stream.source.total) == (1, 4, 5)
    assert said == [
        f'skipped: the image {tmp_path}/empty.jpg is empty (0 bytes)',
        f'skipped: the video {tmp_path}/empty.mp4 is empty (0 bytes)',
        f'skipped: the image {tmp_path}/text.jpg is in no format that OpenCV can decode (4 bytes)',
        f'skipped: the video {tmp_path}/text.mp4 is cut short, or in no format that OpenCV can read (4 bytes)',
    ]

    results, said, stream = run(pose, [make_image(), np.zeros((4, 4)), 'none.png', make_image()])
    assert [result.frame_index for result in results] == [0, 3]
    assert [line.split(':')[1] for line in said] == [' frame 1', ' frame 2'] and stream.skipped == 2


def test_by_default_a_skip_is_a_warning_in_the_log(pose, monkeypatch):
    said = []
    monkeypatch.setattr('hrpose.apis.stream.print_log', lambda message, **options: said.append((message, options)))
    assert list(pose.stream(['none.png'], boxes='whole_image')) == []
    ((message, options),) = said
    assert 'skipped: frame 0: cannot read the image none.png' in message and options['level'] == 30


@pytest.mark.parametrize('suffix', ['.mp4', '.avi', '.mkv'])
def test_a_whole_video_gives_all_its_frames(suffix, pose, tmp_path):
    path = write_video(tmp_path / f'clip{suffix}', frames=7)
    results, said, stream = run(pose, path, keep_images=True)
    assert [result.frame_index for result in results] == list(range(7))
    assert (stream.source.total, stream.skipped, said) == (7, 0, [])
    assert [round(result.image.mean() / 40) for result in results] == list(range(7))


def test_the_frames_that_a_video_cut_short_lacks_are_counted(pose, sample_data, tmp_path):
    content = moved_to_the_front((sample_data / CLIP / '000001_mpiinew_test.mp4').read_bytes())
    (tmp_path / 'whole.mp4').write_bytes(content)
    assert len(run(pose, tmp_path / 'whole.mp4')[0]) == 5
    cut = tmp_path / 'cut.mp4'
    cut.write_bytes(content[: len(content) * 2 // 3])
    results, said, stream = run(pose, cut)
    assert 0 < len(results) < 5
    assert (stream.done, stream.skipped) == (len(results), 5 - len(results))
    assert said == [f'skipped: the video {cut} is cut short or damaged: of 5 frames {len(results)} can be read']


def test_a_video_without_its_index_is_skipped_whole(pose, sample_data, tmp_path):
    content = (sample_data / CLIP / '000001_mpiinew_test.mp4').read_bytes()
    (tmp_path / 'cut.mp4').write_bytes(content[: len(content) // 2])
    results, said, stream = run(pose, tmp_path / 'cut.mp4')
    assert (results, stream.skipped, len(said)) == ([], 1, 1)
    assert 'cut short, or in no format that OpenCV can read' in said[0]


def test_a_clip_gives_what_its_frames_give_one_by_one(pose, sample_data):
    results, _, _ = run(pose, sample_data / CLIP / '000001_mpiinew_test.mp4', keep_images=True)
    assert [(len(result), result.image_size) for result in results] == [(1, (1280, 720))] * 5
    for result in results:
        alone = pose(result.image, boxes='whole_image')
        np.testing.assert_allclose(result.scores, alone.scores, rtol=0, atol=1e-5)
        assert (np.abs(result.keypoints - alone.keypoints) <= 1e-3).mean() > 0.999


@pytest.mark.parametrize(
    ('source', 'said'),
    [
        ('nothing.mp4', 'there is no nothing.mp4'),
        ('no/such/folder', 'there is no no/such/folder; there is no folder no/such'),
        ('*.jepg', r'no file matches \*\.jepg'),
        (99, 'there is no camera 99 that OpenCV can open'),
        (-3, 'there is no camera -3 that OpenCV can open'),
        (None, 'a source is a path, a pattern, .* not None'),
        (True, 'a source is a path, .* not True'),
        (1.5, 'a source is a path, .* not float'),
        (np.zeros((9, 9, 3), np.uint8), 'a stream takes several images'),
    ],
)
def test_a_wrong_source_is_refused_before_anything_is_read(source, said, pose, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=said):
        pose.stream(source, boxes='whole_image')
    assert capfd.readouterr().err == ''


def test_a_folder_without_images_names_the_suffixes(pose, tmp_path):
    (tmp_path / 'notes.txt').write_text('')
    with pytest.raises(UserError, match=r'has no image or video with a suffix of .*\.jpg.*write .*/\*\*'):
        pose.stream(tmp_path, boxes='whole_image')


class Camera:
    """Stands in for `cv2.VideoCapture`: a camera of three frames, 5 a second."""

    def __init__(self, number):
        self.left, self.released = 3, False

    def isOpened(self):  # noqa: N802
        return True

    def get(self, prop):
        return 5.0 if prop == cv2.CAP_PROP_FPS else 0.0

    def read(self):
        self.left -= 1
        return (True, np.zeros((48, 64, 3), np.uint8)) if self.left >= 0 else (False, None)

    def release(self):
        self.released = True


def test_a_cameras_frames_do_not_wait_for_one_another(model, monkeypatch):
    cameras = []
    monkeypatch.setattr('cv2.VideoCapture', lambda number: cameras.append(Camera(number)) or cameras[-1])
    nobody = Boxes(np.zeros((0, 4)), np.zeros(0))
    one = Boxes(np.array([[0, 0, 9, 9.0]]), np.ones(1))
    detector, said = Detections(one, nobody, one), []
    stream = PoseInferencer(model, detector=detector).stream(0, report=said.append)
    left = [(cameras[0].left, len(result), result.source, result.frame_index) for result in stream]
    assert left == [(2, 1, 'camera 0', 0), (1, 0, 'camera 0', 1), (0, 1, 'camera 0', 2)]
    assert detector.calls == [1, 1, 1]
    assert (stream.done, stream.skipped, said) == (3, 0, ['camera 0 gives no more frames'])
    assert cameras[0].released


def test_people_and_frames_share_batches_of_both_networks(model, make_image, monkeypatch):
    boxes = Boxes(np.array([[0, 0, 30, 40], [5, 5, 50, 50.0]]), np.array([0.9, 0.8]))
    detector, batches, predict = Detections(*[boxes] * 10, batch_size=4), [], model.predict
    monkeypatch.setattr(
        model, 'predict', lambda inputs, samples: batches.append(len(inputs)) or predict(inputs, samples)
    )
    stream = PoseInferencer(model, detector=detector, batch_size=8).stream(make_image() for _ in range(10))
    assert [len(result) for result in stream] == [2] * 10
    assert detector.calls == [4, 4, 2]
    assert batches == [8, 8, 4]


def test_boxes_may_come_from_a_function_and_wrong_ones_skip_a_frame(pose, make_image):
    answers = [[[0, 0, 9, 9]], [], [[9, 9, 0, 0]], UserError('nothing is known about it')]

    def boxes(frame):
        assert frame.size == (80, 60)
        answer = answers[frame.index]
        if isinstance(answer, UserError):
            raise answer
        return answer

    results, said, stream = run(pose, [make_image()] * 4, boxes=boxes)
    assert [(result.frame_index, len(result)) for result in results] == [(0, 1), (1, 0)]
    assert stream.skipped == 2 and 'frame 2: box 0 of 1' in said[0] and said[1] == 'skipped: nothing is known about it'


def test_images_are_kept_only_where_that_is_asked_for(pose, make_image):
    image = make_image()
    assert run(pose, [image])[0][0].image is None
    assert np.array_equal(run(pose, [image], keep_images=True)[0][0].image, image)


def test_a_video_is_read_from_its_address(tmp_path, server):  # noqa: F811
    writer = VideoWriter(tmp_path / 'clip.mp4', rate=10, size=(64, 48))
    for _ in range(3):
        writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.close()
    server.content = (tmp_path / 'clip.mp4').read_bytes()
    source = open_source(server.base.replace('http://', 'http://me:secret@') + '/clip.mp4')
    frames = list(source.read())
    assert [frame.name for frame in frames] == [f'clip/{index:06d}' for index in range(3)]
    assert source.videos and not source.live and 'secret' not in frames[0].title
