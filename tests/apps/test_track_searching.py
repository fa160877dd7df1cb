"""What is remembered of an object's looks, of what is like it, and of a search for it."""

import numpy as np
import pytest

from apps.track.distractors import FORGOTTEN, Distractors, peaks
from apps.track.presence import GALLERY, GALLERY_EVERY, LAG, Presence
from apps.track.searching import AT_ONCE, RECENT, SPEED, Search
from apps.track.settings import FollowSettings

SETTINGS = FollowSettings(found_least=0.45, found_most=0.7, found_margin=0.2)


def test_the_usual_confidence_is_a_mean_and_shares_end_at_one():
    presence = Presence()
    for confidence in (0.8, 0.6, 0.7):
        presence.seen(confidence, np.zeros(1))
    assert presence.usual == pytest.approx(0.7)
    assert presence.share(0.35) == pytest.approx(0.5) and presence.share(0.9) == 1.0
    assert presence.evidence(0.35, 0.3) == pytest.approx(0.4)


def test_views_of_some_frames_ago_are_kept():
    presence = Presence()
    for number in range(1, 101):
        presence.seen(0.8, np.full(1, number))
    assert presence.before.shape == (1, 1) and presence.before[0, 0] == 100 - LAG
    kept = [100 - GALLERY_EVERY * back for back in reversed(range(GALLERY))]
    assert presence.known[1:, 0].tolist() == kept


def test_a_leap_is_told_by_how_an_object_usually_moves():
    calm, wild = Presence(), Presence()
    for _ in range(50):
        calm.seen(0.8, np.zeros(1), 0.05)
        wild.seen(0.8, np.zeros(1), 0.4)
    assert not calm.leaps(0.9) and calm.leaps(1.1)
    assert not wild.leaps(2.0) and wild.leaps(2.5)


def test_distractors_are_followed_added_once_and_forgotten():
    distractors = Distractors()
    assert not distractors.near(np.array([5.0, 5.0]), 3)
    distractors.add(np.array([[10.0, 10], [11, 10], [50, 10]]), reach=5)
    np.testing.assert_array_equal(distractors.places, [[10, 10], [50, 10]])
    left = distractors.follow(np.array([[13.0, 11], [90, 90]]), reach=5)
    np.testing.assert_array_equal(left, [[90, 90]])
    np.testing.assert_array_equal(distractors.places, [[13, 11], [50, 10]])
    np.testing.assert_array_equal(distractors.near(np.array([[[14.0, 11], [30, 30]]]), 5), [[True, False]])
    distractors.move(np.array([[1.0, 0, 2], [0, 1, -1]]))
    np.testing.assert_array_equal(distractors.places[0], [15, 10])
    for _ in range(FORGOTTEN):
        distractors.follow(np.array([[15.0, 10]]), reach=5)
    distractors.forget()
    np.testing.assert_array_equal(distractors.places, [[15, 10]])


def test_peaks_are_the_best_of_their_surroundings():
    rows, columns = np.mgrid[:8, :8]
    middles = np.stack([columns, rows], axis=-1) * 8.0
    scores = np.zeros((8, 8))
    scores[1, 1], scores[1, 2], scores[6, 5], scores[0, 7] = 0.9, 0.8, 0.6, 0.3
    np.testing.assert_array_equal(peaks(scores, middles, 12), [[8, 8], [40, 48]])
    assert peaks(np.zeros((8, 8)), middles, 12).shape == (0, 2)


def test_a_search_looks_near_first_then_all_over_and_again_at_its_candidate():
    search, box, shape = Search(), np.array([60.0, 60, 20, 20]), (240, 320, 3)
    seen = []
    for _ in range(20):
        here, *others = search.windows(box, shape, 5, SETTINGS)
        assert (here.x, here.y) == (70, 70) and len(others) == 5
        seen += [(window.x, window.y) for window in others]
        search.missed()
    distances = [np.hypot(x - 70, y - 70) for x, y in seen[: len(set(seen))]]
    assert distances == sorted(distances)
    # Every place of the frame lies in the inner part of some window.
    reach = SETTINGS.grid_step * here.side / 2
    for x in range(0, 320, 8):
        for y in range(0, 240, 8):
            assert any(abs(x - u) <= reach and abs(y - v) <= reach for u, v in seen)
    search.candidate = np.array([200.0, 100, 20, 20])
    again = search.windows(box, shape, 5, SETTINGS)[1]
    assert (again.x, again.y) == (210, 110)


def test_what_is_lost_comes_back_from_ever_farther_away_and_after_a_cut_from_anywhere():
    search = Search()
    assert search.in_reach(AT_ONCE) and not search.in_reach(AT_ONCE + 0.1)
    for _ in range(10):
        search.missed()
    assert search.in_reach(AT_ONCE + 10 * SPEED) and not search.in_reach(AT_ONCE + 10 * SPEED + 0.1)
    assert Search(anywhere=True).in_reach(100)


def test_the_highest_evidence_is_enough_at_once_and_less_of_it_twice():
    assert Search().found(0.75, SETTINGS)
    search = Search()
    for _ in range(2 * RECENT + 1):
        assert not search.found(0.1, SETTINGS)
    assert not search.found(0.5, SETTINGS)
    assert search.found(0.5, SETTINGS)


def test_where_much_is_like_the_object_more_is_asked():
    search = Search()
    for _ in range(2 * RECENT + 1):
        assert not search.found(0.4, SETTINGS)
    assert not search.found(0.5, SETTINGS) and not search.found(0.5, SETTINGS)
    assert not search.found(0.61, SETTINGS)
    assert search.found(0.61, SETTINGS)
