"""Average precision against pycocotools' own summary, recall and precision against counting, the worst pictures."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from apps.objects.detection.average_precision import Seen, average_precision, right_ones
from apps.objects.detection.drawing import MISSED, RIGHT, WRONG, draw_mistakes
from apps.objects.detection.evaluation import evaluate_detector, figures
from apps.objects.detection.learning import best_f1
from apps.objects.detection.report import evaluation_report, worst
from apps.objects.detection.splits import part_to_test
from common.artifact import read_card
from common.data.boxed import Annotated, open_boxed
from common.detector import Found, open_detector
from common.errors import UserError
from common.symmetries import AS_IT_IS, MIRRORED, TURNED

CLASSES = ("cat", "dog", "unseen")


def annotated(boxes, labels, difficult=None, name="a.png"):
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    hard = np.array(difficult if difficult is not None else [False] * len(boxes), bool)
    return Annotated(Path(name), boxes, tuple(labels), ((),) * len(boxes), (400, 300), hard)


def found(*rows):
    """Rows of (x, y, width, height, score, class), the surest first."""
    table = np.array(sorted(rows, key=lambda row: -row[4]), np.float32).reshape(-1, 6)
    return Found(table[:, :4], table[:, 4], table[:, 5].astype(int))


def crowd(seed, pictures=15):
    """Pictures with objects of three sizes and boxes about them, some missing, some too many."""
    draw, seen = np.random.default_rng(seed), []
    for number in range(pictures):
        count = int(draw.integers(0, 7))
        sizes = draw.choice([15, 60, 120], count)[:, None] * draw.uniform(0.8, 1.2, (count, 2))
        boxes = np.concatenate([draw.uniform(0, 150, (count, 2)), sizes], axis=1)
        kinds = draw.integers(0, 2, count)
        entry = annotated(
            boxes, [CLASSES[kind] for kind in kinds], draw.random(count) < 0.15, f"{number}.png"
        )
        rows = []
        for box, kind in zip(boxes, kinds, strict=True):
            for _ in range(draw.integers(0, 3)):
                moved = box + draw.normal(0, 0.08, 4) * box[[2, 3, 2, 3]]
                rows.append((*moved, draw.uniform(0.05, 1), kind if draw.random() < 0.9 else 1 - kind))
        rows += [(*draw.uniform(5, 150, 4), draw.uniform(0, 0.7), draw.integers(0, 2)) for _ in range(2)]
        seen.append(Seen(entry, found(*rows)))
    return seen


def by_pycocotools(seen, folder):
    """The summary of pycocotools from files, as its users write them."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    annotations, answers = [], []
    for number, one in enumerate(seen):
        for box, label, hard in zip(one.entry.boxes, one.entry.labels, one.entry.difficult, strict=True):
            annotations.append(
                {
                    "id": len(annotations) + 1, "image_id": number, "category_id": CLASSES.index(label),
                    "bbox": box.tolist(), "area": float(box[2] * box[3]), "iscrowd": int(hard),
                }
            )  # fmt: skip
        for box, score, kind in zip(one.found.boxes, one.found.scores, one.found.classes, strict=True):
            answers.append(
                {"image_id": number, "category_id": int(kind), "bbox": box.tolist(), "score": float(score)}
            )
    truth = {
        "images": [{"id": number} for number in range(len(seen))],
        "categories": [{"id": number, "name": name} for number, name in enumerate(CLASSES)],
        "annotations": annotations,
    }
    (folder / "truth.json").write_text(json.dumps(truth))
    (folder / "answers.json").write_text(json.dumps(answers))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(folder / "truth.json"))
        evaluator = COCOeval(coco, coco.loadRes(str(folder / "answers.json")), "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return evaluator.stats


@pytest.mark.parametrize("seed", range(3))
def test_average_precision_is_that_of_pycocotools(seed, tmp_path):
    seen = crowd(seed)
    reached, theirs = average_precision(seen, CLASSES), by_pycocotools(seen, tmp_path)
    assert [reached.mean_ap.value, reached.ap50.value, reached.ap75] == pytest.approx(theirs[:3])
    assert list(reached.by_size.values()) == pytest.approx(theirs[3:6])
    assert reached.mean_ap.low <= reached.mean_ap.value <= reached.mean_ap.high
    assert 0 < reached.mean_ap.high - reached.mean_ap.low < 0.5
    classes = [reached.of_class(number)[0] for number in range(2)]
    assert np.mean(classes) == pytest.approx(reached.mean_ap.value) and reached.of_class(2) == (None, None)


def test_known_cases():
    entry = annotated([[10, 10, 40, 40], [100, 100, 50, 50]], ["cat", "dog"])
    right = found((10, 10, 40, 40, 0.9, 0), (100, 100, 50, 50, 0.8, 1))
    assert figures([Seen(entry, right)], CLASSES, 0.5).mean_ap.value == pytest.approx(1)
    nothing = figures([Seen(entry, found())], CLASSES, 0.5)
    assert (
        nothing.mean_ap.value == 0 and nothing.classes[0].recall == 0 and nothing.classes[0].precision is None
    )
    confused = found((10, 10, 40, 40, 0.9, 1), (100, 100, 50, 50, 0.8, 0))
    assert figures([Seen(entry, confused)], CLASSES, 0.5).ap50.value == 0


def test_recall_and_precision_are_counted_at_the_threshold():
    entry = annotated([[10, 10, 40, 40], [100, 100, 50, 50]], ["cat", "cat"])
    boxes = found(
        (10, 10, 40, 40, 0.9, 0),
        (12, 10, 40, 40, 0.8, 0),
        (100, 100, 50, 50, 0.4, 0),
        (200, 10, 9, 9, 0.7, 0),
    )
    one = figures([Seen(entry, boxes)], CLASSES, 0.5).classes[0]
    assert (one.objects, one.recall, one.precision) == (2, 0.5, pytest.approx(1 / 3))
    assert figures([Seen(entry, boxes)], CLASSES, 0.3).classes[0].recall == 1


def test_difficult_objects_need_not_be_found():
    easy, hard = [10, 10, 40, 40], [100, 100, 50, 50]
    entry = annotated([easy, hard], ["cat", "cat"], [False, True])
    for boxes in (found((*easy, 0.9, 0)), found((*easy, 0.5, 0), (*hard, 0.9, 0))):
        reached = figures([Seen(entry, boxes)], CLASSES, 0.4)
        assert reached.mean_ap.value == pytest.approx(1) and reached.classes[0].objects == 1
        assert reached.classes[0].precision == 1
    right, spared, taken = right_ones(entry, found((*hard, 0.9, 0)), CLASSES)
    assert (right.tolist(), spared.tolist(), taken.tolist()) == ([False], [True], [False, False])


def test_classes_that_the_model_does_not_know_are_told():
    entry = annotated([[10, 10, 40, 40], [1, 1, 9, 9]], ["cat", "bird"])
    reached = figures([Seen(entry, found((10, 10, 40, 40, 0.9, 0)))], CLASSES, 0.5)
    assert reached.mean_ap.value == pytest.approx(1) and "does not know bird" in reached.notes[0]
    with pytest.raises(UserError, match="no object of the model's classes"):
        figures([Seen(annotated([[1, 1, 9, 9]], ["bird"]), found())], CLASSES, 0.5)


def test_the_threshold_has_the_best_f1():
    seen = crowd(5, 30)
    best = best_f1(seen, CLASSES)

    def f1(threshold):
        hits = answers = 0
        there = sum(int((~one.entry.difficult).sum()) for one in seen)
        for one in seen:
            right, spared, _ = right_ones(one.entry, one.found.above(threshold), CLASSES)
            hits, answers = hits + right.sum(), answers + (~spared).sum()
        return 2 * hits / (answers + there)

    assert f1(best) == pytest.approx(max(f1(threshold) for threshold in np.arange(0.05, 0.9, 0.01)), abs=0.01)
    assert best_f1([Seen(annotated([], []), found())], CLASSES) == pytest.approx(0.3)


def test_the_worst_pictures_come_first(shapes):
    seen = []
    for number, entry in enumerate(open_boxed(shapes).parts["test"]):
        classes = [("disc", "Größe 猫").index(label) for label in entry.labels]
        rows = [(*box, 0.9, kind) for box, kind in zip(entry.boxes, classes, strict=True)]
        seen.append(Seen(entry, found(*(rows if number != 3 else [(0, 0, 20, 20, 0.8, 0)]))))
    reached = figures(seen, ("disc", "Größe 猫"), 0.5)
    ((bad, missed, wrong),) = worst(reached)
    assert bad is seen[3] and missed == len(bad.entry.boxes) and wrong == 1
    drawn = draw_mistakes(bad, ("disc", "Größe 猫"), 0.5)
    distances = {
        colour: np.abs(drawn.astype(int) - colour).sum(axis=-1).min() for colour in (MISSED, WRONG, RIGHT)
    }
    assert distances[MISSED] < 40 and distances[WRONG] < 40 and distances[RIGHT] > 60
    page = evaluation_report(replace(reached, model="runs/x"), "cnnapps")
    assert "Worst misses" in page and "Größe 猫" in page and page.count("data:image/png") == 2


def test_a_run_is_tested_again_on_the_same_pictures(shape_detector, shapes):
    again = evaluate_detector(shapes, model=shape_detector.run)
    assert again.mean_ap.value == shape_detector.result["test"]["mAP"] and again.part == "test"
    held = evaluate_detector(shapes, model=shape_detector.run, part="val", side=96)
    assert held.part == "val" and len(held.seen) == 12 and held.ap50.value > 0.3
    with pytest.raises(UserError, match="has no part 'tset'; did you mean 'test'"):
        evaluate_detector(shapes, model=shape_detector.run, part="tset")


@pytest.mark.parametrize(("turns", "views"), [(False, MIRRORED), (True, TURNED)])
def test_another_look_is_from_the_sides_of_the_training(turns, views, shape_detector, shapes, tmp_path):
    run = shutil.copytree(shape_detector.run, tmp_path / "run")
    card = read_card(run)
    replace(card, recipe=card.recipe | {"boxes": card.recipe["boxes"] | {"turns": turns}}).write(
        run / "card.json"
    )
    assert open_detector(run).views == AS_IT_IS and open_detector(run, again=True).views == views
    once, again = (evaluate_detector(shapes, model=run, again=again) for again in (False, True))
    assert again.ap50.value > 0.8 and again.mean_ap.value != once.mean_ap.value


def test_it_is_told_if_a_model_is_tested_on_what_it_has_learned_from(shape_detector, shapes):
    card = read_card(shape_detector.run)
    both = replace(card, data=card.data | {"trainval": True})

    def told(part, card):
        return any("has learned from these" in note for note in part_to_test(shapes, card, part=part)[2])

    assert [told(part, card) for part in ("train", "val", "test")] == [True, False, False]
    assert [told(part, both) for part in ("train", "val", "test")] == [True, True, False]
