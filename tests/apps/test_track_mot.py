"""Tables of tracks as files, and figures of tracking against published ones and hand-made cases."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.track.association import MultiObjectTracker
from apps.track.detection import Detections
from apps.track.mot_files import (
    Tracks,
    interpolated,
    read_detections,
    read_ground_truth,
    read_tracks,
    write_tracks,
)
from apps.track.mot_metrics import combined, evaluate
from common.errors import InputError

DATA = Path(__file__).parents[2].parent / "shared/data/mot"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="../shared/data/mot is not here")

rows = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.integers(1, 9),
        st.tuples(*[st.integers(-500, 5000)] * 2, *[st.integers(1, 3000)] * 2),
        st.integers(0, 100),
    ),
    unique_by=lambda row: row[:2],
)


def table(rows) -> Tracks:
    """Boxes in quarters of a pixel and confidences in hundredths, which a file keeps."""
    return Tracks.of(
        [row[0] for row in rows],
        [row[1] for row in rows],
        [np.array(row[2]) / 4 for row in rows],
        [row[3] / 100 for row in rows],
    )


def walk(frames, number=1, x=10.0) -> Tracks:
    """An object of 20 by 40 that goes right by 2 pixels a frame."""
    frames = list(frames)
    return Tracks.of(frames, [number] * len(frames), [(x + 2 * frame, 30, 20, 40) for frame in frames])


def joined(*tables: Tracks) -> Tracks:
    return Tracks.of(
        *(
            np.concatenate([getattr(one, name) for one in tables])
            for name in ("frame", "id", "boxes", "confidence")
        )
    )


def written(tmp_path, text: str) -> Path:
    path = tmp_path / "file.txt"
    path.write_bytes(text.encode())
    return path


# Files


@settings(max_examples=50, deadline=None)
@given(rows)
def test_what_is_written_is_read(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("mot") / "tracks.txt"
    tracks = table(rows)
    write_tracks(path, tracks)
    back = read_tracks(path)
    for name in ("frame", "id", "boxes", "confidence"):
        np.testing.assert_array_equal(getattr(back, name), getattr(tracks, name))
    assert (np.diff(back.frame) >= 0).all()


def test_file_counts_from_one_and_the_table_from_zero(tmp_path):
    write_tracks(tmp_path / "one.txt", Tracks.of([0], [7], [(0, 0, 10, 20)]))
    assert (tmp_path / "one.txt").read_text() == "1,7,1.00,1.00,10.00,20.00,1.0000,-1,-1,-1\n"


@pytest.mark.parametrize(
    "text",
    [
        "2,4,11,21,30,40,0.5,-1,-1,-1\n1,3,11,21,30,40,1,-1,-1,-1\n",  # not in order
        "1,3,11,21,30,40\n2,4,11,21,30,40,0.5\n",  # nothing after the height
        "\ufeff1 3 11 21 30 40 1\r\n\r\n2\t4\t11\t21\t30\t40\t0.5\r\n",  # spaces, tabs, a mark, Windows
        "# frame,id,x\n1, 3, 11.0, 21, 30, 40, 1,\n2.0; 4.0; 11; 21; 30; 40; 0.5\n",
        "1,3,11,21,30,40,,,\n2,4,11,21,30,40,0.5,1,0.9",  # empty columns; those of MOT16
    ],
)
def test_forms_that_are_met_in_the_wild(tmp_path, text):
    tracks = read_tracks(written(tmp_path, text))
    assert tracks.frame.tolist() == [0, 1] and tracks.id.tolist() == [3, 4]
    np.testing.assert_array_equal(tracks.boxes, [[10, 20, 30, 40]] * 2)
    assert tracks.confidence.tolist() == [1, 0.5]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2,1,5,5,ten,5,1", "width is 'ten'"),
        ("2,1,5", "3 columns"),
        ("0,1,5,5,5,5,1", "frame is 0"),
        ("1.5,1,5,5,5,5,1", "frame is 1.5"),
        ("2,0.5,5,5,5,5,1", "id is 0.5"),
        ("2,1,nan,5,5,5,1", "not finite"),
        ("2,1,5,5,-5,5,1", "-5 by 5"),
        ("2,-1,5,5,5,5,1", "no id"),
        ("1,1,9,9,5,5,1", "first in line 1"),
    ],
)
def test_a_bad_row_is_named(tmp_path, line, said):
    path = written(tmp_path, f"1,1,5,5,5,5,1\n\n{line}\n")
    with pytest.raises(InputError) as caught:
        read_tracks(path)
    assert f"{path}, line 3" in caught.value.message and said in caught.value.message


def test_a_file_that_is_none(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_tracks(tmp_path / "nowhere.txt")
    (tmp_path / "picture.txt").write_bytes(bytes(range(128, 256)))
    with pytest.raises(InputError, match="not a text file"):
        read_detections(tmp_path / "picture.txt")
    assert len(read_tracks(written(tmp_path, ""))) == 0


def test_rows_that_are_not_to_be_scored(tmp_path):
    path = written(tmp_path, "1,1,5,5,5,5,1\n1,2,5,5,5,5,0\n1,3,5,5,5,5,-1\n")
    assert read_ground_truth(path).id.tolist() == [1, 3]


def test_scores_become_probabilities_in_the_same_order(tmp_path):
    lines = [f"1,-1,5,5,5,5,{score}" for score in (-3, 20, 40, 60, 90, 130)]
    scores = read_detections(written(tmp_path, "\n".join(lines))).confidence
    assert (scores >= 0).all() and (scores < 1).all() and (np.diff(scores) > 0).all()
    plain = read_detections(written(tmp_path, "1,-1,5,5,5,5,0.25\n1,-1,5,5,5,5,0.75"))
    assert plain.confidence.tolist() == [0.25, 0.75] and plain.id.tolist() == [-1, -1]


@needs_data
def test_shared_files_are_read_whole():
    truth = read_ground_truth(DATA / "TUD-Campus/gt/gt.txt")
    assert len(truth) == 359 and truth.frame.max() == 70 and len(np.unique(truth.id)) == 8
    np.testing.assert_array_equal(truth.in_frame(0).boxes[0], [398, 181, 121, 229])
    assert len(read_ground_truth(DATA / "PETS-S3-MF1/gt/gt.txt")) == 620  # its flags are all -1
    acf = read_detections(DATA / "TUD-Campus/det/det_acf.txt")
    assert len(acf) == 344 and acf.confidence.max() < 1


# Gaps


def test_a_gap_is_filled_on_a_straight_line():
    tracks = walk([0, 1, 5, 6])
    filled = interpolated(tracks, 3)
    whole = walk(range(7))
    np.testing.assert_array_equal(filled.frame, whole.frame)
    np.testing.assert_allclose(filled.boxes, whole.boxes)
    assert len(interpolated(tracks, 2)) == len(tracks)


@settings(max_examples=50, deadline=None)
@given(rows, st.integers(0, 12))
def test_filling_adds_only_within_short_gaps(rows, most):
    before = table(rows)
    after = interpolated(before, most)
    kept = set(zip(before.frame.tolist(), before.id.tolist(), strict=True))
    every = list(zip(after.frame.tolist(), after.id.tolist(), strict=True))
    assert kept <= set(every) and len(set(every)) == len(every)
    for number in np.unique(before.id):
        gaps = np.diff(after.frame[after.id == number]) - 1
        assert ((gaps == 0) | (gaps > most)).all()


# Figures


def test_perfect_tracking():
    truth = joined(walk(range(10)), walk(range(3, 9), 2, 200))
    scores = evaluate(truth, truth)
    assert scores.hota == scores.mota == scores.idf1 == scores.recall == scores.precision == 1
    assert (scores.objects, scores.boxes, scores.id_switches, scores.mostly_tracked) == (2, 16, 0, 2)


def test_an_id_that_changes_half_way():
    scores = evaluate(walk(range(10)), joined(walk(range(5), 4), walk(range(5, 10), 9)))
    assert scores.id_switches == 1
    assert scores.mota == pytest.approx(1 - 1 / 10)
    assert scores.idf1 == pytest.approx(0.5)
    assert scores.detection == pytest.approx(1) and scores.association == pytest.approx(0.5)
    assert scores.hota == pytest.approx(np.sqrt(0.5))


def test_misses_and_false_boxes():
    found = joined(walk([0, 1, 2, 6, 7, 8, 9]), walk(range(4), 2, 500))
    scores = evaluate(walk(range(10)), found)
    assert (scores.misses, scores.false_positives, scores.id_switches, scores.fragmentations) == (3, 4, 0, 1)
    assert scores.mota == pytest.approx(1 - 7 / 10)
    assert scores.recall == pytest.approx(0.7) and scores.precision == pytest.approx(7 / 11)
    assert scores.idf1 == pytest.approx(2 * 7 / (10 + 11))


def test_a_box_counts_from_half_overlap_on():
    truth = walk(range(4))
    for shift, found in ((6, 1.0), (7, 0.0)):  # of 20 pixels: 14 / 26 and 13 / 27 in common
        shifted = Tracks.of(truth.frame, truth.id, truth.boxes + [shift, 0, 0, 0])
        assert evaluate(truth, shifted).recall == found


def test_nothing_found_and_nothing_there():
    truth, nothing = walk(range(5)), walk([])
    assert (evaluate(truth, nothing).misses, evaluate(truth, nothing).mota) == (5, 0)
    assert evaluate(nothing, truth).false_positives == 5


def test_sequences_are_counted_together():
    first = (walk(range(10)), joined(walk(range(5), 1), walk(range(5, 10), 2)))
    second = (walk(range(30)), walk(range(30)))
    both = combined([first, second])
    assert both.boxes == 40 and both.id_switches == 1 and both.mota == pytest.approx(1 - 1 / 40)


def test_the_table_costs_no_import_of_the_figures():
    code = "import sys, apps.track.mot_files, apps.track.mot_metrics; print('trackeval' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout.strip() == "False"


@needs_data
def test_figures_of_a_published_result():
    truth = read_ground_truth(DATA / "TUD-Campus/gt/gt.txt")
    scores = evaluate(truth, read_tracks(DATA / "TUD-Campus/result_reference.txt"))
    published = {
        "idf1": 55.8,
        "id_precision": 73.0,
        "id_recall": 45.1,
        "recall": 58.2,
        "precision": 94.1,
        "mota": 52.6,
    }
    for name, value in published.items():
        assert 100 * getattr(scores, name) == pytest.approx(value, abs=0.05), name
    assert 1 - scores.motp == pytest.approx(0.277, abs=5e-4)
    counts = (
        scores.objects,
        scores.mostly_tracked,
        scores.mostly_lost,
        scores.false_positives,
        scores.misses,
    )
    assert counts == (8, 1, 1, 13, 150)
    assert (scores.id_switches, scores.fragmentations) == (7, 7)


def followed(name: str) -> Tracks:
    """What the association makes of a sequence's public detections."""
    found, tracker = read_detections(DATA / name), MultiObjectTracker()
    rows = []
    for frame in range(int(found.frame.max()) + 1):
        one = found.in_frame(frame)
        detections = Detections(one.boxes.astype("f4"), one.confidence.astype("f4"), ("person",) * len(one))
        for track in tracker.update(detections):
            rows += [(int(then), track.id, box) for then, box, _ in track.earlier]
            rows += [(frame, track.id, track.box)] if track.state != "lost" else []
    return Tracks.of(*zip(*rows, strict=True))


@needs_data
@pytest.mark.parametrize(
    ("sequence", "least"),
    [
        # SORT, as published and as its program gives: HOTA 45.3, MOTA 62.7, IDF1 60.6, 6 id switches.  ByteTrack:
        # 51.4, 61.3, 71.3, 4.
        ("TUD-Campus", (0.51, 0.63, 0.715, 4)),
        # SORT 41.6, 69.2, 57.9, 9; ByteTrack 55.1, 75.8, 86.3, 0.
        ("PETS-S3-MF1", (0.555, 0.765, 0.87, 0)),
    ],
)
def test_no_worse_than_sort_and_bytetrack_on_the_same_detections(sequence, least):
    truth = read_ground_truth(DATA / sequence / "gt/gt.txt")
    scores = evaluate(truth, followed(f"{sequence}/det/det.txt"))
    hota, mota, idf1, switches = least
    assert scores.hota > hota and scores.mota > mota and scores.idf1 > idf1
    assert scores.id_switches <= switches
