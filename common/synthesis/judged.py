"""A network that makes pictures, followed by what says how far they are from what they should be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from keras import layers

from common.console import Advance
from common.data.stream import BatchStream
from common.layers import MapDistance
from common.runs import resumable
from common.training import Recipe, fit

__all__ = ["Paint", "distance_recipe", "judged", "judged_together", "passes", "taught"]

CHECK = 200  # steps between two rows of the history, about

Maps = dict[str, keras.KerasTensor]
# From what is shown (batch, h, w, 3), its feature maps and those of the style to the picture (batch, h, w, 3).
Paint = Callable[[keras.KerasTensor, Maps, Maps], keras.KerasTensor]


def judged(encoder: keras.Model, paint: Paint, *, content: float, style: float, rough: float) -> keras.Model:
    """Return a network that paints and ends in distances; trained to bring them to zero, what paints learns.

    Args:
        encoder: frozen, from pictures to maps by layer.
        paint: calls what paints.
        content: weight of how far the picture is from showing what is shown.
        style: weight of how far it is from the style.
        rough: weight of the differences between neighbours.

    Returns:
        From what is shown and a style side by side ``(batch, h, w, 6)`` to distances ``(batch, terms)``.

    Reference:
        Johnson, Alahi and Fei-Fei, "Perceptual losses for real-time style transfer", ECCV 2016, section 3.2.
    """
    pictures = keras.Input((None, None, 6), name="pictures")
    shown, like = pictures[..., :3], pictures[..., 3:]
    shown_maps, style_maps = encoder(shown), encoder(like)
    painted = paint(shown, shown_maps, style_maps)
    maps = encoder(painted)
    terms = [
        MapDistance("style", style, name=f"style_{layer}")(style_maps[layer], maps[layer]) for layer in maps
    ]
    terms += [
        MapDistance("content", content, name=f"content_{layer}")(shown_maps[layer], maps[layer])
        for layer in sorted(maps)[-2:]
    ]
    terms.append(MapDistance("roughness", rough, name="roughness")(shown, painted))
    return keras.Model(pictures, layers.Concatenate(name="distances")(terms), name="judged")


def judged_together(
    encoder: keras.Model, network: keras.Model, exemplar: np.ndarray, *, rough: float
) -> keras.Model:
    """Return a network that makes pictures and ends in how far all of a batch together are from one exemplar.

    Compared with the whole of it, and together: a window of an exemplar and one picture each have statistics of their
    own, whose differences would be most of what is seen of the distance.

    Args:
        encoder: frozen, from pictures to maps by layer.
        network: from noise ``(batch, h, w, 3)`` to pictures of the same size.
        exemplar: ``(height, width, 3)`` float32 in [0, 1].
        rough: weight of the differences between neighbours.

    Returns:
        From noise ``(batch, h, w, 3)`` to distances ``(batch, terms)``.

    Reference:
        Ulyanov et al., "Texture networks", ICML 2016, section 3.
    """
    noise = keras.Input((None, None, 3), name="noise")
    made = network(noise)
    wanted, maps = encoder(exemplar[None]), encoder(made)
    terms = [MapDistance("texture", name=f"texture_{layer}")(wanted[layer], maps[layer]) for layer in maps]
    terms.append(MapDistance("roughness", rough, name="roughness")(made, made))
    return keras.Model(noise, layers.Concatenate(name="distances")(terms), name="judged")


def passes(steps: int) -> tuple[int, int]:
    """Return passes, and steps of each, of a training of so many steps on windows that never end."""
    count = max(1, steps // CHECK)
    return count, steps // count


def distance_recipe(*, steps: int, rate: float, batch: int, average: float, seed: int) -> Recipe:
    """Return how a network of ``judged`` is trained: its distances are all to become 0.

    Args:
        steps: altogether.
        rate: highest step size.
        batch: windows a step.
        average: decay of the moving average of the weights.
        seed: of the order.
    """
    return Recipe(
        loss="mean_absolute",
        rate=rate,
        weight_decay=0.0,
        epochs=passes(steps)[0],
        batch=batch,
        warmup=0.05,
        average=average,
        seed=seed,
    )


def taught(
    learner: keras.Model,
    stream: BatchStream,
    recipe: Recipe,
    run: Path,
    command: str,
    *,
    resume: bool,
    progress: Advance,
) -> list[dict[str, float]]:
    """Train a network of ``judged`` or ``judged_together``; its averaged weights stay in it.

    Args:
        learner: the network.
        stream: of what it is shown, beside zeros.
        recipe: of ``distance_recipe``.
        run: folder for the checkpoint.
        command: that goes on with ``--resume``.
        resume: go on from the checkpoint.
        progress: called with (steps done, steps, remark).

    Returns:
        One row every 200 steps or so.

    Raises:
        Interrupted: Ctrl-C; the state is saved.
    """
    with resumable(run, command):
        state = fit(
            learner, stream, recipe, run, resume=resume,
            progress=lambda now: progress(now.step, now.steps, f"loss {now.loss:.3f}"),
        )  # fmt: skip
    return state.history
