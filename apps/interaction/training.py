"""Training a model of binding, from the pairs to the artifact."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.interaction.options import TrainOptions, recipe_changes
from common import artifact, devices
from common.console import Advance
from common.runs import new_run, resumable, stored_run

if TYPE_CHECKING:
    from apps.interaction.evaluation import Evaluation
    from apps.interaction.features import Features
    from apps.interaction.learning import Ensemble
    from apps.interaction.pairs import Pairs
    from apps.interaction.splits import Split

__all__ = ["COLD", "TrainResult", "train"]

COLD = ("cold-drug", "cold-target", "cold-both")


@dataclass(frozen=True)
class TrainResult:
    """What training gives.

    Args:
        run: the folder of the artifact.
        card: of the artifact.
        evaluations: on the test part of each split, the asked one first.
        note: what was read, guessed and left out.
        leaks: what the test part of the asked split shares with the training part, a line each.
    """

    run: Path
    card: artifact.Card
    evaluations: dict[str, Evaluation]
    note: str
    leaks: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "run": str(self.run),
            "report": str(self.run / "report.html"),
            "data": self.card.data,
            "parameters": self.card.parameters,
            "unit": self.card.classes[0],
            "test": {name: evaluation.to_json() for name, evaluation in self.evaluations.items()},
            "leaks": list(self.leaks),
        }


def train(
    options: TrainOptions,
    *,
    out: Path | None = None,
    resume: bool = False,
    command: str = "",
    progress: Advance = lambda done, total, remark: None,
) -> TrainResult:
    """Train an ensemble, read the test part once, write the artifact.

    With ``options.cold`` one more network each is trained without the molecules, without the proteins, and without
    both of a test part, and tested on these: what the model is worth on what is new.  They are not kept.

    Args:
        options: what to train.
        out: the run folder; by default ``runs/interaction-NETWORK-TIME``.
        resume: go on in ``out`` from its checkpoints, with the options stored there.
        command: as typed, for the card.
        progress: called with (steps done, steps, remark).

    Raises:
        UsageError: an unknown network, argument, split or loss.
        InputError: data that cannot be read.
        UserError: a run folder that is in use; nothing to resume.
        Interrupted: Ctrl-C; the state is saved.
        TrainingDiverged: the loss is no longer a number.
    """
    if resume:
        out, options, command = stored_run(out, TrainOptions)
    arguments = options.checked_arguments()
    devices.select(options.device)

    from apps.interaction.evaluation import evaluate_pairs
    from apps.interaction.features import features_of, references_of
    from apps.interaction.learning import learn
    from apps.interaction.parts import pairs_and_parts
    from apps.interaction.relatives import References
    from apps.interaction.report import training_report
    from apps.interaction.splits import leaks, split

    pairs, asked = pairs_and_parts(options)
    found = tuple(leaks(pairs, asked))
    run = out if resume and out else new_run(out, f"interaction-{options.network}", options, command)
    features = features_of(pairs, References([]))  # every split has its own
    splits = {options.split: asked}
    if options.cold and not options.split.startswith("cold"):
        splits |= {name: split(pairs, name, seed=options.seed) for name in COLD}
    evaluations: dict[str, Evaluation] = {}
    ensembles: list[Ensemble] = []
    with resumable(run, "cnnapps interaction train"):
        for name, parts in splits.items():
            folder = run if name == options.split else run / name
            folder.mkdir(exist_ok=True)
            features = features.compared_with(references_of(pairs.take(parts.train)), pairs)
            ensemble = learn(
                options.network, pairs, features, parts.train, parts.held, folder,
                arguments=arguments,
                members=options.members if name == options.split else 1,
                changes=recipe_changes(options),
                seed=options.seed,
                resume=resume,
                progress=_named(name, progress),
            )  # fmt: skip
            evaluations[name] = evaluate_pairs(ensemble, pairs.take(parts.test), features)
            ensembles.append(ensemble)
    ensemble = ensembles[0]
    card = _card(options, arguments, pairs, asked, ensemble, evaluations, command)
    report = training_report(card, ensemble.history, evaluations, found, run)
    extra = {"known.npz": _known(pairs, features, asked)}
    card = artifact.save(run, ensemble.network, card, report=report, precision="int8-weights", extra=extra)
    for checkpoint in run.rglob("checkpoint.npz"):
        checkpoint.unlink()
    return TrainResult(run, card, evaluations, pairs.note, found)


def _named(name: str, progress: Advance) -> Advance:
    """Return the progress of one split, which says its name."""
    return lambda done, total, remark: progress(done, total, f"{name}: {remark}")


def _known(pairs: Pairs, features: Features, parts: Split) -> bytes:
    """Return what was trained on, for the distance of a question from it: ``known.npz``."""
    chosen = pairs.take(parts.train)
    drugs = np.unique(chosen.drug)
    # Of several names for one sequence, such as those of Davis' mutants, the shortest is that of the wild type.
    proteins = {pairs.proteins[number] for number in np.unique(chosen.protein)}
    names_of: dict[str, str] = {}
    for protein in sorted(proteins, key=lambda protein: (len(protein.name), protein.name)):
        names_of.setdefault(protein.sequence, protein.name)
    content = io.BytesIO()
    sequences, names = "\n".join(names_of), "\n".join(names_of.values())
    np.savez_compressed(
        content,
        fingerprints=np.packbits(features.molecules.fingerprint[drugs] > 0, axis=1),
        smiles=np.frombuffer("\n".join(pairs.drugs[number] for number in drugs).encode(), np.uint8),
        sequences=np.frombuffer(sequences.encode(), np.uint8),
        proteins=np.frombuffer(names.encode(), np.uint8),
    )
    return content.getvalue()


def _card(
    options: TrainOptions,
    arguments: dict[str, Any],
    pairs: Pairs,
    parts: Split,
    ensemble: Ensemble,
    evaluations: dict[str, Evaluation],
    command: str,
) -> artifact.Card:
    metrics = {f"{name} {evaluation.name}": evaluation.score for name, evaluation in evaluations.items()}
    return artifact.Card(
        app="interaction",
        network=options.network,
        arguments=arguments | {"members": options.members, "floor": ensemble.floor},
        classes=(pairs.unit,),
        input_shape=(None, 2),
        preprocessing="RDKit graph, Morgan counts (radius 2, 2048), residues, similarity to known proteins",
        activation="none" if pairs.kind == "real values" else "sigmoid",
        calibration=ensemble.doubt.to_json(),
        metrics=metrics,
        data={
            "name": Path(options.data).name,
            "split": options.split,
            "train": len(parts.train),
            "held": len(parts.held),
            "test": len(parts.test),
            "molecules": len(pairs.drugs),
            "proteins": len(pairs.proteins),
            "inputs": [entry.name for entry in ensemble.network.inputs],
        },
        command=command,
        seed=options.seed,
        recipe=ensemble.recipe.to_json(),
        intended_use="ranking molecules for a protein of the families it was trained on, to choose what to measure",
        limits="no substitute for a measurement; on new molecules and proteins see the cold figures; not for doses",
    )
