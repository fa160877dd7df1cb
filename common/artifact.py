"""What a trained model is on disk: a folder that says everything about itself.

    model.keras        the network, for going on training and for a GPU
    model.tflite       the same network for LiteRT, for a CPU without TensorFlow
    model_int8.tflite  the same in 8-bit integers, for very many pictures, where the app made one
    card.json          what it is, how it was made, what it reaches, how to use it
    report.html        curves, confusion, worst mistakes

``card.json`` is written last, so a folder with a card is whole.  Nothing is pickled.
"""

from __future__ import annotations

import io
import json
import shutil
import tempfile
import zipfile
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import ArtifactError
from common.files import write_text
from common.second_look import SecondLook

if TYPE_CHECKING:
    import keras
    import numpy as np

__all__ = [
    "FORMAT",
    "Card",
    "Measure",
    "Part",
    "completed",
    "read_card",
    "require",
    "resolve",
    "save",
    "shipped",
    "versions",
]

FORMAT = 1
_PACKAGES = ("cnnapps", "keras", "tensorflow", "numpy")
_SHIPPED = Path(__file__).resolve().parents[1] / "apps"


@dataclass(frozen=True)
class Measure:
    """A figure with its 95 % interval: ``value`` in [``low``, ``high``] over ``count`` cases."""

    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Card:
    """What ``card.json`` holds.

    Args:
        app: the app that uses it.
        network: name of the network, with ``arguments`` of its function.
        classes: names of the outputs in order.
        input_shape: (height, width, channels), or (None, columns) for sequences of any length.
        preprocessing: in words and numbers, what the network expects.
        activation: what turns raw outputs into probabilities: softmax, sigmoid or none.
        calibration: temperature and thresholds.
        second_look: how to look again where the first answer is unsure; None for never.
        metrics: name to ``Measure``, on the split that the name says.
        data: name, fingerprint and counts.
        command: what was typed.
        seed: of the run.
        recipe: how it was trained.
        licence: of the weights.
        intended_use: one line.
        limits: one line.
        parameters: number of weights.
        versions: of the packages that made it.
        created: ISO time, UTC.
        format: of this file.
    """

    app: str
    network: str
    arguments: dict[str, Any]
    classes: tuple[str, ...]
    input_shape: tuple[int | None, ...]
    preprocessing: str
    activation: str
    calibration: dict[str, float]
    metrics: dict[str, Measure]
    data: dict[str, Any]
    command: str
    seed: int
    second_look: SecondLook | None = None
    recipe: dict[str, Any] = field(default_factory=dict)
    licence: str = "Apache-2.0"
    intended_use: str = ""
    limits: str = ""
    parameters: int = 0
    versions: dict[str, str] = field(default_factory=dict)
    created: str = ""
    format: int = FORMAT

    def to_json(self) -> dict[str, Any]:
        """Return the card as plain values."""
        return asdict(self)

    def write(self, path: Path) -> None:
        """Write ``card.json``."""
        write_text(path, json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n")


@dataclass(frozen=True)
class Part:
    """A network that is run by itself.

    Args:
        network: the network.
        precision: as of ``common.litert.to_litert``.
        samples: ``(n, h, w, c)`` float32 in [0, 1], real inputs, for int8.
    """

    network: keras.Model
    precision: str = "float32"
    samples: np.ndarray | None = None


def save(
    folder: Path,
    model: keras.Model,
    card: Card,
    *,
    report: str = "",
    precision: str = "float32",
    samples: np.ndarray | None = None,
    parts: dict[str, Part] | None = None,
    extra: dict[str, bytes] | None = None,
) -> Card:
    """Write an artifact into ``folder``: to temporary files first, the card last.

    Args:
        folder: made if missing; files of an artifact already there are replaced.
        model: the trained network.
        card: what to say of it; weights, versions and time are filled in.
        report: the text of ``report.html``.
        precision: of the weights in ``model.tflite``: float32, float16 or int8-weights; with float16 those in
            ``model.keras`` are, too.
        samples: ``(n, h, w, c)`` float32 in [0, 1], real inputs that give the ranges of the activations in
            ``model_int8.tflite``; without them there is none.
        parts: by file name the networks that are run one by one, in place of the whole one in ``model.tflite``.
        extra: further files by name, such as arrays that explain the network.

    Returns:
        The card as written.
    """
    from common.litert import to_litert

    folder.mkdir(parents=True, exist_ok=True)
    card = completed(card, model.count_params())
    (folder / "card.json").unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".writing-") as name:
        temporary = Path(name)
        # A copy that was never compiled: the optimiser's state would triple the file.
        plain = model.__class__.from_config(model.get_config())
        plain.set_weights(model.get_weights())
        plain.save(temporary / "model.keras")
        _compress(temporary / "model.keras", halves=precision == "float16")
        for file_name, part in (parts or {"model.tflite": Part(model, precision)}).items():
            content = to_litert(part.network, part.precision, part.samples)
            (temporary / file_name).write_bytes(content)
        if samples is not None:
            (temporary / "model_int8.tflite").write_bytes(to_litert(model, "int8", samples))
        for file_name, content in (extra or {}).items():
            (temporary / file_name).write_bytes(content)
        if report:
            (temporary / "report.html").write_text(report, encoding="utf-8")
        card.write(temporary / "card.json")
        for file in sorted(temporary.iterdir(), key=lambda path: path.name == "card.json"):
            shutil.move(file, folder / file.name)
    return card


def _compress(path: Path, *, halves: bool) -> None:
    """Write a Keras file anew, smaller: it is a zip archive whose parts Keras only stores.

    Args:
        path: of the file.
        halves: store weights in half precision; Keras reads them into variables of full precision.
    """
    smaller = path.with_suffix(".smaller")
    with zipfile.ZipFile(path) as stored, zipfile.ZipFile(smaller, "w", zipfile.ZIP_DEFLATED) as packed:
        for entry in stored.infolist():
            content = stored.read(entry)
            if halves and entry.filename.endswith(".h5"):
                content = _in_halves(content)
            packed.writestr(entry.filename, content)
    smaller.replace(path)


def _in_halves(content: bytes) -> bytes:
    """Return a file of HDF5 with its arrays of float32 in float16."""
    import h5py

    def copy(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            values = item[()]
            halved = values.astype("float16") if values.dtype == "float32" else values
            made = target.create_dataset(name, data=halved)
        else:
            made = target.require_group(name)
        made.attrs.update(item.attrs)

    buffer = io.BytesIO()
    with h5py.File(io.BytesIO(content)) as source, h5py.File(buffer, "w") as target:
        target.attrs.update(source.attrs)
        source.visititems(copy)
    return buffer.getvalue()


def completed(card: Card, parameters: int) -> Card:
    """Return the card with the number of weights, the versions and the time."""
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return replace(card, parameters=parameters, versions=versions(), created=now)


def resolve(reference: str | Path) -> Path:
    """Return the folder of an artifact.

    Args:
        reference: a shipped name ``"digits/cnn"``, or a folder that holds a card.

    Raises:
        ArtifactError: neither; the line lists what ships.
    """
    folder = Path(reference)
    if (folder / "card.json").is_file():
        return folder
    app, _, name = str(reference).partition("/")
    inside = _SHIPPED / app / "weights" / name
    if name and (inside / "card.json").is_file():
        return inside
    if folder.is_dir():
        what = (
            "training there has not ended" if (folder / "checkpoint.npz").exists() else "it has no card.json"
        )
        raise ArtifactError(f"{folder} is not a model: {what}", "train with --resume, or name another folder")
    known = [path for path in shipped() if path.startswith(f"{app}/")] or shipped()
    raise ArtifactError(
        f"no model {str(reference)!r}", f"shipped: {', '.join(known) or 'none'}; or a run folder"
    )


def shipped() -> list[str]:
    """Return the references of the artifacts inside the package."""
    cards = sorted(_SHIPPED.glob("*/weights/*/card.json"))
    return [f"{card.parts[-4]}/{card.parts[-2]}" for card in cards]


def read_card(folder: Path) -> Card:
    """Read and check ``card.json``.

    Raises:
        ArtifactError: missing, damaged, or of a newer version; one line.
    """
    path = folder / "card.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["format"] > FORMAT:
            raise ArtifactError(
                f"{path} has format {values['format']}, this version reads up to {FORMAT}",
                "pip install --upgrade cnnapps",
            )
        known = {name: values[name] for name in _field_names() if name in values}
        known["classes"] = tuple(known["classes"])
        known["input_shape"] = tuple(known["input_shape"])
        known["metrics"] = {name: Measure(**measure) for name, measure in known["metrics"].items()}
        if known.get("second_look"):
            known["second_look"] = SecondLook.from_json(known["second_look"])
        return Card(**known)
    except ArtifactError:
        raise
    except FileNotFoundError as error:
        raise ArtifactError(f"{path} is missing", "name a folder that training has finished") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{path} is damaged ({error})", "copy the folder again or train anew") from error


def require(folder: Path, file: str) -> Path:
    """Return ``folder/file``, or raise ``ArtifactError`` if it is missing or empty."""
    path = folder / file
    if not path.is_file() or path.stat().st_size == 0:
        raise ArtifactError(f"{path} is missing or empty", "copy the folder again or train anew")
    return path


def versions() -> dict[str, str]:
    """Return the versions of the packages that make a model."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "source"
    return found


def _field_names() -> list[str]:
    return [item.name for item in fields(Card)]
