"""Training curves: reading mmengine's scalars, joining resumed runs, plotting."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hrpose.analysis.curves import chosen_metrics, curves_of, plot_training, read_run, read_scalars, smooth
from hrpose.errors import UserError
from hrpose.images.files import read_image

LENGTH = 50  # iterations an epoch


def epochs(first: int, last: int, *, loss: float = 1.0) -> list[dict]:
    """Records as mmengine writes them: every 20 iterations of an epoch, and AP at its end."""
    records = []
    for epoch in range(first, last + 1):
        for step in ((epoch - 1) * LENGTH + done for done in (20, 40)):
            records.append(dict(lr=1e-3, loss=loss, time=0.1, epoch=epoch, iter=step, step=step))
        ap = {'coco/AP': 0.1 * epoch, 'coco/AR': 0.5, 'coco/AP50': 0.2, 'time': 0.1}
        records.append({**ap, 'step': epoch})
    return records


def write(work_dir: Path, start: str, records: list[dict], *, ending: str = '') -> Path:
    path = work_dir / start / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text(''.join(json.dumps(record) + '\n' for record in records) + ending)
    return path


def test_a_fresh_newest_run_is_read_alone(tmp_path):
    write(tmp_path, '20250101_000000', epochs(1, 5, loss=1))
    write(tmp_path, '20250102_000000', epochs(1, 2, loss=2))
    assert read_run(tmp_path) == epochs(1, 2, loss=2)


def test_resumed_runs_are_joined_and_what_was_done_again_counts_once(tmp_path):
    write(tmp_path, '20250101_000000', epochs(1, 9, loss=0))
    write(tmp_path, '20250102_000000', epochs(1, 5, loss=1))
    write(tmp_path, '20250103_000000', epochs(4, 6, loss=2))
    write(tmp_path, '20250104_000000', epochs(6, 7, loss=3))
    expected = epochs(1, 3, loss=1) + epochs(4, 5, loss=2) + epochs(6, 7, loss=3)
    assert read_run(tmp_path) == expected


def test_resumed_runs_that_count_iterations_are_joined(tmp_path):
    def steps(first, last, loss):
        return [dict(loss=loss, iter=s, step=s) for s in range(first, last + 1, 10)]

    write(tmp_path, '20250101_000000', steps(10, 100, 1.0))
    write(tmp_path, '20250102_000000', steps(60, 120, 2.0))
    assert read_run(tmp_path) == steps(10, 50, 1.0) + steps(60, 120, 2.0)


def test_starts_that_only_evaluated_are_passed_over(tmp_path):
    write(tmp_path, '20250101_000000', epochs(1, 2))
    write(tmp_path, '20250102_000000', [{'coco/AP': 0.9, 'step': 0}])
    assert read_run(tmp_path) == epochs(1, 2)


def test_a_line_cut_short_is_left_out_with_a_warning(tmp_path):
    path = write(tmp_path, 'a', epochs(1, 1), ending='{"loss": 0.1')
    with pytest.warns(UserWarning, match='left out 1 lines'):
        assert read_scalars(path) == epochs(1, 1)


def test_missing_or_empty_scalars_are_named(tmp_path):
    with pytest.raises(UserError, match=r'there is no scalars\.json under'):
        read_run(tmp_path)
    with pytest.raises(UserError, match='there is no file of scalars'):
        read_scalars(tmp_path / 'scalars.json')
    with pytest.raises(UserError, match='has no records yet'):
        read_scalars(write(tmp_path, 'a', []))
    write(tmp_path, 'b', [{'coco/AP': 0.9, 'step': 1}])
    (tmp_path / 'a/vis_data/scalars.json').unlink()
    with pytest.raises(UserError, match='with a training loss'):
        read_run(tmp_path)


def test_losses_and_metrics_share_an_axis_of_epochs():
    curves = curves_of(epochs(1, 10), ['coco/AP'])
    assert curves.unit == 'epoch'
    # The length of an epoch is only known from steps logged in it: 490 of 500 iterations here.
    np.testing.assert_allclose(curves.loss[0][-1], 10, rtol=0.03)
    np.testing.assert_array_equal(curves.metrics['coco/AP'][0], np.arange(1, 11))
    np.testing.assert_allclose(curves.metrics['coco/AP'][1], np.arange(1, 11) / 10)


def test_ap_and_ap50_or_pck_are_plotted_by_default():
    def chosen(*names):
        return chosen_metrics([[{name: 0.5 for name in names} | {'step': 1, 'time': 2}]], None)

    assert chosen('coco/AR', 'coco/AP', 'coco/AP50', 'coco/AP75') == ('coco/AP', 'coco/AP50')
    assert chosen('pck/ankle', 'pck/PCK@0.2', 'pck/PCK@0.1') == ('pck/PCK@0.2', 'pck/PCK@0.1')
    assert chosen('my/score') == ('my/score',)
    assert chosen() == ()


def test_smoothing_keeps_a_constant_and_passes_over_nan():
    np.testing.assert_allclose(smooth(np.full(5, 3.0), 0.9), 3)
    np.testing.assert_allclose(smooth(np.array([np.nan, 1, np.nan, 1]), 0.5), [np.nan, 1, 1, 1])
    np.testing.assert_array_equal(smooth(np.array([1.0, 5, 2]), 0.0), [1, 5, 2])


@pytest.mark.parametrize(
    'scalars',
    [
        epochs(1, 4),
        {'one': epochs(1, 4), 'two': epochs(1, 2, loss=0.01)},
        [dict(loss=0.5, step=step) for step in (10, 20)],
        [dict(loss=float('nan'), step=step) for step in (10, 20)],
    ],
    ids=['one run', 'two runs', 'loss alone', 'nothing finite'],
)
def test_a_curve_is_drawn_for(scalars, tmp_path):
    plot = read_image(plot_training(scalars, tmp_path / 'new/curve.png', ceiling=0.93))
    assert plot.std() > 5


def test_plotting_touches_no_global_state(tmp_path):
    code = (
        'import sys; from hrpose.analysis.curves import plot_training;'
        'plot_training([dict(loss=1.0, step=1)], sys.argv[1]);'
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, '-c', code, str(tmp_path / 'a.png')]
    assert subprocess.run(command, cwd=root, check=False).returncode == 0


def test_what_cannot_be_plotted_is_named(tmp_path):
    out = tmp_path / 'a.png'
    with pytest.raises(UserError, match="metric 'coco/AQ'; choices: coco/AP"):
        plot_training(epochs(1, 2), out, metrics=['coco/AQ'])
    with pytest.raises(UserError, match='no training loss'):
        plot_training([{'coco/AP': 1.0, 'step': 1}], out)
    with pytest.raises(UserError, match=r'smoothing has to be in \[0, 1\)'):
        plot_training(epochs(1, 2), out, smoothing=1.0)
    with pytest.raises(UserError, match='cannot share a plot'):
        plot_training({'a': epochs(1, 2), 'b': [dict(loss=1.0, step=1)]}, out)
    with pytest.raises(UserError, match='cannot write'):
        plot_training(epochs(1, 2), tmp_path / 'a.foo')
