"""How near to the style pictures come at how much of the content kept, and how long it takes.

    python -m tests.benchmarks.bench_style [--only lion …] [--size 512] [--out FOLDER]

Judged by SqueezeNet features, which no contender optimises.  Style and content pull against each other, so ours is
run at several strengths, and the style is compared where the content is as far as the peer's, between the two nearest
of these.  The peers have the same features as ours, and their own settings.  What was found is kept in
``measured/styles.json`` here, so that a run can be stopped and goes on; pictures stay in ``--out`` to be looked at.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from apps.style import StyleOptions, run
from apps.style.pictures import brought_to, read_picture
from apps.style.running import Outputs
from common import artifact
from common.data.images import write_picture
from tests.benchmarks.judge import SHARED, judge
from tests.benchmarks.results import conditions, kept, publish, table

IMAGES = SHARED / "data" / "images"
PAIRS = (
    ("lion", "red_chalk_woman_in_peasant_dress"), ("golden_gate", "hokusai_great_wave_1831"),
    ("tubingen", "van_gogh_starry_night_1889"), ("stata_center", "picabia_udnie_1913"),
    ("sailboat", "turner_shipwreck_of_the_minotaur"), ("garden_flowers", "monet_water_lilies_1919"),
    ("chicago_skyline", "kandinsky_composition_vii_1913"), ("astronaut_portrait", "picasso_self_portrait_1907"),
    ("venice_boats", "seurat_grande_jatte_1886"), ("cornell_campus", "van_gogh_wheat_field_1889"),
    ("coffee_cup", "matisse_woman_with_hat_1905"), ("newyork_night", "munch_the_scream_1893"),
)  # fmt: skip
STRENGTHS = (0.25, 0.5, 1.0, 2.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--contenders", nargs="*", default=["optimize", "fast", "gatys", "neural-style"])
    parser.add_argument("--out", type=Path, default=Path("build/styles"))
    asked = parser.parse_args()
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    for content, style in PAIRS:
        if asked.only and content not in asked.only:
            continue
        files = IMAGES / "content" / f"{content}.jpg", IMAGES / "style" / f"{style}.jpg"
        for name, make in _contenders(asked).items():
            kind = name.partition(" ")[0]
            if kind in asked.contenders:
                out = asked.out / f"{content}.{name.replace(' ', '-')}.png"
                result = kept(
                    "styles", f"{asked.size} px, {content}, {name}", partial(_judged, out, *files, make)
                )
                found.setdefault(content, {}).setdefault(kind, []).append(result)
    publish("styles", _report(found, asked.size))


def _contenders(asked: argparse.Namespace) -> dict[str, Callable[[Path, Path, Path], None]]:
    """Return by name what makes a picture of a content and a style."""

    def ours(method: str, strength: float) -> Callable[[Path, Path, Path], None]:
        def make(content: Path, style: Path, out: Path) -> None:
            options = StyleOptions(
                str(content), (str(style),), method=method, strength=strength, size=asked.size
            )
            list(run(options, Outputs(str(out))))

        return make

    def peer(name: str) -> Callable[[Path, Path, Path], None]:
        def make(content: Path, style: Path, out: Path) -> None:
            from apps.style.painting import content_layer
            from common.features import usual_features
            from tests.benchmarks import gatys

            features = usual_features()
            pictures = [brought_to(read_picture(str(path))[0], asked.size) for path in (content, style)]
            made = gatys.transferred(
                *pictures, features, content_layer(features.layers), getattr(gatys, name)
            )
            write_picture(out, np.rint(made * 255).astype(np.uint8))

        return make

    every = {f"optimize {strength:g}": ours("optimize", strength) for strength in STRENGTHS}
    if "style/fast" in artifact.shipped():
        every["fast 1"] = ours("fast", 1.0)
    for name, setting in (("gatys", "GATYS"), ("neural-style", "NEURAL_STYLE")):
        every[name] = peer(setting)
    return every


def _judged(
    out: Path, content: Path, style: Path, make: Callable[[Path, Path, Path], None]
) -> dict[str, float]:
    """Make a picture and judge it."""
    out.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    make(content, style, out)
    seconds = time.monotonic() - started
    return judge().style(out, style, content) | {"seconds": round(seconds, 1)}


def style_at(content: float, results: list[dict[str, float]], measure: str) -> float:
    """Return the style distance of a contender where its content distance is ``content``, between its nearest runs.

    A run that is no farther from the content than another and nearer to the style stands for both.
    """
    points = sorted((result["content"], result[measure]) for result in results)
    contents, styles = np.transpose(points)
    return float(np.interp(content, contents, np.minimum.accumulate(styles)))


def _report(found: dict[str, dict[str, list[dict[str, float]]]], size: int) -> str:
    rows = []
    for kind in ("optimize", "fast", "gatys", "neural-style"):
        results = {content: by_kind[kind] for content, by_kind in found.items() if kind in by_kind}
        if not results:
            continue
        cells = []
        for measure in ("gram", "swd"):
            shares = []
            for content, (result, *_) in results.items():
                ours = found[content].get("optimize", [])
                if kind != "optimize" and ours:
                    shares.append(style_at(result["content"], ours, measure) / result[measure])
            cells.append(f"{np.median(shares):.2f} ({max(shares):.2f})" if shares else "")
        every = [result for own in results.values() for result in own]
        rows.append(
            (
                kind,
                f"{np.median([r['content'] for r in every]):.3f}",
                f"{np.median([r['swd'] for r in every]):.3f}",
                f"{np.median([r['style_gained'] for r in every]):.0%}",
                *cells,
                f"{min(r['seconds'] for r in every):.0f} s",
            )
        )
    head = (
        f"{len(found)} pairs, {size} px",
        "content distance",
        "style distance",
        "style gained",
        "ours by steps at its content distance: Gram, median (worst)",
        "sliced Wasserstein",
        "time, least",
    )
    return (
        "## Styles\n\n`tests/benchmarks/bench_style.py`: distances in SqueezeNet features; medians over pairs and "
        f"strengths {', '.join(f'{strength:g}' for strength in STRENGTHS)} of ours.\n\n"
        + table(head, rows)
        + f"{_out_of_reach(found)}{_one_pass(found)}\n\n{conditions(('tensorflow', 'scipy'))}"
    )


def _out_of_reach(found: dict[str, dict[str, list[dict[str, float]]]]) -> str:
    """Say which peers are nearer to a content than ours at any strength: there nothing of ours compares."""
    nearer = [
        f"{content} ({peer})"
        for content, by_kind in found.items()
        for peer in ("gatys", "neural-style")
        if {peer, "optimize"} <= set(by_kind)
        and by_kind[peer][0]["content"] < min(result["content"] for result in by_kind["optimize"])
    ]
    if not nearer:
        return ""
    return (
        f"\n\nNearer to the content than ours at any strength, and compared with the nearest of ours: "
        f"{', '.join(nearer)}."
    )


def _one_pass(found: dict[str, dict[str, list[dict[str, float]]]]) -> str:
    """Return how much of the style distance that steps take away, at strength 1, one pass takes away."""
    both = [by_kind for by_kind in found.values() if {"optimize", "fast"} <= set(by_kind)]
    if not both:
        return ""
    usual = STRENGTHS.index(1.0)
    shares = []
    for measure in ("gram", "swd"):
        gained = [
            [by_kind[kind][at][f"{measure}_content"] - by_kind[kind][at][measure] for by_kind in both]
            for kind, at in (("fast", 0), ("optimize", usual))
        ]
        one_pass, steps = np.asarray(gained)
        shares.append(
            f"{np.median(one_pass / steps):.0%} in the median, {one_pass.sum() / steps.sum():.0%} in all ({measure})"
        )
    taken = ", ".join(shares)
    return f"\n\nOf the style distance that steps take away at strength 1, one pass takes away {taken}."


if __name__ == "__main__":
    main()
