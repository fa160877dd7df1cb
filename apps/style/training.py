"""``style train``: a network that paints in one pass, from photographs, pictures of styles and frozen features."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps.style.fast import FILES
from apps.style.options import TrainOptions
from common import artifact, devices
from common.console import Advance
from common.errors import ArtifactError, UserError
from common.runs import new_run, stored_run

if TYPE_CHECKING:
    import keras

    from common.synthesis import Paint
    from common.training import Recipe

__all__ = ["TrainResult", "train"]

CONTENT, ROUGH = 1.0, 0.1  # weights of the distances beside the style's
PRECISION = "float16"  # of the weights that ship


@dataclass(frozen=True)
class TrainResult:
    """What training gives.

    Args:
        run: the folder of the artifact.
        card: of the artifact.
        history: one row every 200 steps or so.
    """

    run: Path
    card: artifact.Card
    history: list[dict[str, float]]

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
    """Train a network that paints, and write the artifact.

    Args:
        options: what to train on.
        out: the run folder; by default ``runs/style-NETWORK-TIME``.
        resume: go on in ``out`` from its checkpoint, with the options stored there.
        command: as typed, for the card.
        progress: called with (steps done, steps, remark).

    Raises:
        UsageError: an unknown network, nothing to learn on, a number out of range.
        InputError: pictures that cannot be read.
        UserError: no features ship; a run folder that is in use; nothing to resume.
        ArtifactError: no such features or weights.
        Interrupted: Ctrl-C; the state is saved.
    """
    if resume:
        out, options, command = stored_run(out, TrainOptions)
    options.check()
    devices.select(options.device)
    import keras

    from common.data.windows import WindowPairs, read_all
    from common.features import usual_features
    from common.predictor import load_network
    from common.synthesis import distance_recipe, judged, passes, taught

    features = usual_features(options.features)
    keras.utils.set_random_seed(options.seed)
    encoder = features.network
    network = _network(options.network, encoder)
    if options.weights:
        earlier = load_network(options.weights)
        if [w.shape for w in earlier.weights] != [w.shape for w in network.weights]:
            raise ArtifactError(f"{options.weights} is no {options.network!r} for these features")
        network.set_weights(earlier.get_weights())
    run = out if resume and out else new_run(out, f"style-{options.network}", options, command)
    contents, styles = read_all(options.contents, progress), read_all(options.styles, progress)
    learner = judged(
        encoder,
        _paint(options.network, network, encoder),
        content=CONTENT,
        style=options.style_weight,
        rough=ROUGH,
    )
    stream = WindowPairs(
        contents,
        styles,
        options.side,
        options.batch,
        passes(options.steps)[1],
        options.seed,
        learner.output_shape[-1],
        recoloured=options.network == "decoder",
    )
    recipe = distance_recipe(
        steps=options.steps, rate=options.rate, batch=options.batch, average=0.995, seed=options.seed
    )
    history = taught(learner, stream, recipe, run, "cnnapps style train", resume=resume, progress=progress)
    card = _card(options, network, history, len(contents), len(styles), recipe, command)
    card = artifact.save(
        run, network, card, precision=PRECISION, parts=_parts(options.network, encoder, network)
    )
    (run / "checkpoint.npz").unlink(missing_ok=True)
    return TrainResult(run, card, history)


def _network(name: str, encoder: keras.Model) -> keras.Model:
    from apps.style.models import DEEPEST, decoder, painter

    if name == "painter":
        return painter()
    stages = _stages(encoder)
    if DEEPEST not in stages:
        raise UserError(f"these features have no layer {DEEPEST}", "a decoder needs four stages")
    return decoder([encoder.output[stage].shape[-1] for stage in stages])


def _stages(encoder: keras.Model) -> list[str]:
    """Return the first layer of each stage, up to the one whose maps are given a style."""
    from apps.style.models import DEEPEST

    return [name for name in sorted(encoder.output) if name <= DEEPEST]


def _paint(name: str, network: keras.Model, encoder: keras.Model) -> Paint:
    """Return what calls a network on contents and styles."""
    from apps.style.models import moments, restyled

    if name == "painter":
        return lambda shown, shown_maps, style_maps: network(shown)
    stages = _stages(encoder)
    return lambda shown, shown_maps, style_maps: restyled(
        shown, shown_maps, moments(shown_maps, stages), moments(style_maps, stages), network
    )


def _parts(name: str, encoder: keras.Model, network: keras.Model) -> dict[str, artifact.Part] | None:
    """Return what a decoder is run with, by the name of the file; None for a painter, which runs alone."""
    import keras

    from apps.style.models import moments, restyled

    if name == "painter":
        return None
    picture, maps = encoder.inputs[0], encoder.output
    own, style = (keras.Input(network.input[name].shape[1:], name=name) for name in ("own", "style"))
    inputs = {"picture": picture, "own": own, "style": style}
    networks = (
        keras.Model(picture, moments(maps, _stages(encoder))),
        keras.Model(inputs, restyled(picture, maps, own, style, network)),
    )
    return {name: artifact.Part(one, PRECISION) for name, one in zip(FILES, networks, strict=True)}


def _card(
    options: TrainOptions,
    network: keras.Model,
    history: list[dict[str, float]],
    contents: int,
    styles: int,
    recipe: Recipe,
    command: str,
) -> artifact.Card:
    return artifact.Card(
        app="style",
        network=options.network,
        arguments={},
        classes=(),
        input_shape=(None, None, 3),
        preprocessing="RGB in [0, 1]",
        activation="none",
        calibration={},
        metrics={},
        data={
            "name": ", ".join(Path(source).name for source in (*options.styles, *options.contents)),
            "contents": contents,
            "styles": styles,
            "features": options.features or "texture/features",
            "last loss": history[-1]["loss"],
        },
        command=command,
        seed=options.seed,
        recipe=recipe.to_json(),
        intended_use="painting pictures and videos in a style, in one pass",
        limits="`style run --method optimize` comes closer to the style, and takes a hundred times as long",
    )
