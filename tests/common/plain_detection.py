"""The detector's loss and suppression as plain loops, to compare with."""

from __future__ import annotations

import numpy as np

STRIDES = (8, 16, 32)


def middles(side):
    return [
        ((column + 0.5) * stride, (row + 0.5) * stride)
        for stride in STRIDES
        for row in range(side // stride)
        for column in range(side // stride)
    ]


def overlap(a, b):
    """IoU and generalised IoU of two boxes given by left, top, right, bottom."""
    shared = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    hull = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
    return shared / union, shared / union - (hull - union) / hull


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def assign(target, scores, boxes, places, most, alpha, beta):
    """Of each place its object (or None) and how well it fits, by the text of the paper."""
    wanted = {}  # place -> [(overlap, object)]
    fits = {}
    for number, (kind, *box) in enumerate(target):
        if kind < 0:
            continue
        fit = {}
        half = [max(box[2] - box[0], 8) / 2, max(box[3] - box[1], 8) / 2]
        middle = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]
        for place, (x, y) in enumerate(places):
            if abs(x - middle[0]) <= half[0] and abs(y - middle[1]) <= half[1]:
                fit[place] = scores[place][int(kind)] ** alpha * overlap(box, boxes[place])[0] ** beta
        for place in sorted(fit, key=lambda place: -fit[place])[:most]:
            wanted.setdefault(place, []).append((overlap(box, boxes[place])[0], -number))
        fits[number] = fit
    owners = {place: -max(claims)[1] for place, claims in wanted.items()}
    quality = {}
    for number, fit in fits.items():
        own = [place for place, owner in owners.items() if owner == number]
        best = max((fit[place] for place in own), default=0)
        reached = max((overlap(target[number][1:], boxes[place])[0] for place in own), default=0)
        for place in own:
            quality[place] = fit[place] / best * reached
    return owners, quality


def distribution_focal(true, logits):
    """By the text of the paper: cross-entropy with the two whole numbers beside the true one."""
    true = min(max(true, 0), len(logits) - 1)
    log_shares = logits - np.log(np.exp(logits).sum())
    lower = min(int(true), len(logits) - 2)
    return -((lower + 1 - true) * log_shares[lower] + (true - lower) * log_shares[lower + 1])


def task_aligned(targets, outputs, side, most=13, alpha=1.0, beta=6.0, weight=2.0, likely=None):
    """``likely``: raw scores of whole numbers of cells ``(batch, places, 4, bins)``."""
    places = middles(side)
    cells = [stride for stride in STRIDES for _ in range((side // stride) ** 2)]
    sums, totals = [], []
    for number, (target, output) in enumerate(zip(targets.astype(float), outputs.astype(float), strict=True)):
        boxes = [
            (x - d[0], y - d[1], x + d[2], y + d[3]) for (x, y), d in zip(places, output[:, -4:], strict=True)
        ]
        scores = sigmoid(output[:, :-4])
        owners, quality = assign(target, scores, boxes, places, most, alpha, beta)
        total = 0.0
        for place, row in enumerate(scores):
            for kind, score in enumerate(row):
                right = place in owners and int(target[owners[place]][0]) == kind
                wish = quality[place] if right else 0.0
                loss = -(wish * np.log(score) + (1 - wish) * np.log(1 - score))
                total += abs(wish - score) ** 2 * loss
            if place in owners:
                box = target[owners[place]][1:]
                total += weight * quality[place] * (1 - overlap(box, boxes[place])[1])
                if likely is not None:
                    x, y = places[place]
                    true = np.maximum([x - box[0], y - box[1], box[2] - x, box[3] - y], 0.05) / cells[place]
                    spread = [
                        distribution_focal(*edge) for edge in zip(true, likely[number][place], strict=True)
                    ]
                    total += 0.25 * quality[place] * np.mean(spread)
        sums.append(total)
        totals.append(sum(quality.values()))
    return np.array(sums) / max(np.mean(totals), 1)


def suppressed(boxes, scores, classes, limit):
    """Numbers of the boxes (left, top, right, bottom) that remain, the surest first."""
    kept = []
    for number in np.argsort(-scores, kind="stable"):
        rivals = [other for other in kept if classes[other] == classes[number]]
        if all(overlap(boxes[number], boxes[other])[0] <= limit for other in rivals):
            kept.append(int(number))
    return kept


def voted(boxes, scores, classes, kept, agreement):
    """Each box (left, top, right, bottom) that remains, averaged with those of its class that nearly agree."""
    means = []
    for number in kept:
        total, weight = scores[number] ** 2 * boxes[number], scores[number] ** 2
        for other in range(len(boxes)):
            same = classes[other] == classes[number] and other != number
            if same and overlap(boxes[number], boxes[other])[0] >= agreement:
                total = total + scores[other] ** 2 * boxes[other]
                weight += scores[other] ** 2
        means.append(total / weight)
    return np.array(means).reshape(-1, 4)
