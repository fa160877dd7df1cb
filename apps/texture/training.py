"""``texture train``: a network that makes one texture, in any size and at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.texture.exemplars import read_exemplar
from apps.texture.options import TrainOptions
from common import artifact, devices
from common.console import Advance
from common.runs import new_run, stored_run

__all__ = ["TrainResult", "train"]

ROUGH = 0.01  # weight of the differences between neighbours beside the distance from the texture


@dataclass(frozen=True)
class TrainResult:
    """What training gives.

    Args:
        run: the folder of the artifact.
        card: of the artifact.
        history: one row every 200 steps or so.
        notes: on the exemplar.
    """

    run: Path
    card: artifact.Card
    history: list[dict[str, float]]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"run": str(self.run), "parameters": self.card.parameters, "history": self.history}


def train(
    options: TrainOptions,
    *,
    out: Path | None = None,
    resume: bool = False,
    command: str = "",
    progress: Advance = lambda done, total, remark: None,
) -> TrainResult:
    """Train a network that makes a texture, and write the artifact.

    Args:
        options: what to train on.
        out: the run folder; by default ``runs/texture-generator-TIME``.
        resume: go on in ``out`` from its checkpoint, with the options stored there.
        command: as typed, for the card.
        progress: called with (steps done, steps, remark).

    Raises:
        UsageError: a number out of range.
        InputError: an exemplar that cannot be read or is too small.
        UserError: no features ship; a run folder that is in use; nothing to resume.
        Interrupted: Ctrl-C; the state is saved.
    """
    if resume:
        out, options, command = stored_run(out, TrainOptions)
    options.check()
    exemplar, notes = read_exemplar(options.exemplar)
    devices.select(options.device)
    import keras

    from apps.texture.models import begin_with_colours, generator
    from common.data.windows import Noise
    from common.features import usual_features
    from common.synthesis import distance_recipe, judged_together, passes, taught

    encoder = usual_features(options.features).network
    keras.utils.set_random_seed(options.seed)
    network = generator()
    begin_with_colours(network, exemplar)
    run = out if resume and out else new_run(out, "texture-generator", options, command)
    learner = judged_together(encoder, network, exemplar, rough=ROUGH)
    stream = Noise(
        options.side, options.batch, passes(options.steps)[1], options.seed, learner.output_shape[-1]
    )
    recipe = distance_recipe(
        steps=options.steps, rate=options.rate, batch=options.batch, average=0.99, seed=options.seed
    )
    history = taught(learner, stream, recipe, run, "cnnapps texture train", resume=resume, progress=progress)
    card = artifact.Card(
        app="texture",
        network="generator",
        arguments={},
        classes=(),
        input_shape=(None, None, 3),
        preprocessing="noise, uniform in [0, 1]",
        activation="none",
        calibration={},
        metrics={},
        data={
            "name": Path(options.exemplar).name,
            "features": options.features or "texture/features",
            "last loss": history[-1]["loss"],
        },
        command=command,
        seed=options.seed,
        recipe=recipe.to_json(),
        intended_use="more of one texture, in any size",
        limits="what repeats over more than some 100 pixels is not seen; `texture synthesize PICTURE` is closer",
    )
    card = artifact.save(run, network, card)
    (run / "checkpoint.npz").unlink(missing_ok=True)
    return TrainResult(run, card, history, notes)
