"""The table of losses as plain data; importing it costs no framework."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from common.errors import UsageError
from common.registry import Registry

__all__ = ["CATALOGUE", "Family", "LossSpec", "TargetKind", "check_pairing"]

Family = Literal[
    "pick one of K",
    "independent yes/no",
    "real values",
    "perceptron",
    "same or different",
    "boxes",
    "detection",
    "perceptual",
]
TargetKind = Literal["one of K", "multi-hot", "real", "groups", "boxes", "objects", "maps"]


@dataclass(frozen=True)
class LossSpec:
    """One row of the table.

    Args:
        name: what ``losses.get`` takes.
        family: the question the loss answers.
        target: shape and range of the expected target.
        activation: what turns raw outputs into predictions; "none" for raw values.
        formula: for one sample, z raw outputs, p activated, t target.
        reference: where it comes from.
        accepts: kinds of target it is right for.
    """

    name: str
    family: Family
    target: str
    activation: Literal["softmax", "sigmoid", "none"]
    formula: str
    reference: str
    accepts: tuple[TargetKind, ...]


CATALOGUE = Registry[LossSpec]("loss")

_ONE_OF_K = "(batch, K), rows sum to 1; or (batch,) class numbers"
_YES_NO = "(batch, K), each in [0, 1]"
_REAL = "(batch, K) or (batch,), any real"
_GROUPS = "(batch, K), equal rows belong together"
_MAPS = "(batch, height, width, channels), feature maps or a picture"
_EDGES = "(batch, 4), distances to left, top, right, bottom"

for _row in (
    LossSpec("softmax_cross_entropy", "pick one of K", _ONE_OF_K, "softmax",
             "-Σ t_k log p_k", "Bridle 1990", ("one of K",)),
    LossSpec("focal", "pick one of K", _ONE_OF_K, "softmax",
             "-Σ t_k (1 - p_k)^γ log p_k", "Lin et al. ICCV 2017, eq. 4", ("one of K",)),
    LossSpec("multiclass_hinge", "pick one of K", _ONE_OF_K, "none",
             "max(0, 1 + max_{k≠y} z_k - z_y)", "Crammer and Singer 2001", ("one of K",)),
    LossSpec("sigmoid_cross_entropy", "independent yes/no", _YES_NO, "sigmoid",
             "-Σ [t log p + (1 - t) log(1 - p)]", "Cox 1958", ("one of K", "multi-hot")),
    LossSpec("sigmoid_focal", "independent yes/no", _YES_NO, "sigmoid",
             "-Σ |t - p|^γ [α t log p + (1 - α)(1 - t) log(1 - p)]", "Lin et al. ICCV 2017, eq. 5",
             ("one of K", "multi-hot")),
    LossSpec("quality_focal", "independent yes/no", _YES_NO, "sigmoid",
             "-Σ |t - p|^β [t log p + (1 - t) log(1 - p)]", "Li et al. NeurIPS 2020, eq. 3",
             ("one of K", "multi-hot")),
    LossSpec("hinge", "independent yes/no", "(batch, K), each 0 or 1", "none",
             "Σ max(0, 1 - (2t - 1) z)", "Cortes and Vapnik 1995", ("one of K", "multi-hot")),
    LossSpec("euclidean", "real values", _REAL, "none",
             "½ Σ (z - t)²", "LeCun et al. 1998, eq. 8 (up to a factor)", ("real", "one of K")),
    LossSpec("mean_absolute", "real values", _REAL, "none",
             "Σ |z - t|", "Laplace 1774", ("real",)),
    LossSpec("huber", "real values", _REAL, "none",
             "½ d² if |d| ≤ δ else δ(|d| - ½δ), d = z - t", "Huber 1964, eq. 2", ("real",)),
    LossSpec("log_cosh", "real values", _REAL, "none",
             "Σ log cosh(z - t)", "Green 1990", ("real",)),
    LossSpec("quantile", "real values", _REAL, "none",
             "max(q d, (q - 1) d), d = t - z", "Koenker and Bassett 1978", ("real",)),
    LossSpec("concordance", "real values", "(batch,), any real; over pairs of the batch", "none",
             "mean over t_i > t_j of log(1 + exp(-(z_i - z_j) / s))", "Steck et al. NeurIPS 2007",
             ("real",)),
    LossSpec("tobit", "real values", "(batch, 1), none below the floor; outputs (batch, 2), μ and log σ", "none",
             "-log N(t; μ, σ) above the floor, -log Φ((floor - μ) / σ) at it", "Tobin 1958, eq. 5", ("real",)),
    LossSpec("perceptron", "perceptron", "(batch, K), each 0 or 1", "none",
             "Σ max(0, -(2t - 1) z)", "Rosenblatt 1958, as a criterion", ("one of K", "multi-hot")),
    LossSpec("contrastive", "same or different", _GROUPS, "none",
             "-1/|P| Σ_{p∈P} log(e^{s_p/τ} / Σ_{a≠i} e^{s_a/τ}), s cosines, P the rest of the group",
             "Khosla et al. NeurIPS 2020, eq. 2", ("groups", "one of K")),
    LossSpec("triplet", "same or different", _GROUPS, "none",
             "max(0, m + max_{p∈P} d_p - min_{n∉P} d_n), d = 2 - 2s", "Hermans et al. 2017, eq. 5",
             ("groups", "one of K")),
    LossSpec("giou", "boxes", _EDGES, "none",
             "1 - IoU + |C \\ (A ∪ B)| / |C|", "Rezatofighi et al. CVPR 2019, algorithm 1", ("boxes",)),
    LossSpec("ciou", "boxes", _EDGES, "none",
             "1 - IoU + d²/c² + αv", "Zheng et al. AAAI 2020, eq. 10", ("boxes",)),
    LossSpec("box_map", "boxes", "(batch, H, W, 5): object's place 1, beside it 0, either -1; distances", "sigmoid",
             "(Σ |q - p|^β BCE(q, p) + w Σ_{object} GIoU) / places, q the IoU reached",
             "Li et al. NeurIPS 2020, eq. 3, on the map of Tian et al. ICCV 2019", ("boxes",)),
    LossSpec("task_aligned", "detection", "(batch, objects, 5): class; left, top, right, bottom; class -1: none",
             "sigmoid", "(Σ |q - p|^β BCE(q, p) + w Σ q GIoU + v Σ q DFL) / Σ q, q the fit s^α u^β, scaled to the IoU",
             "Feng et al. ICCV 2021, eq. 1 to 8; DFL: Li et al. NeurIPS 2020, eq. 6", ("objects",)),
    LossSpec("gram", "perceptual", _MAPS, "none",
             "Σ (G(z) - G(t))² / 4C², G the mean product of two features", "Gatys et al. NeurIPS 2015, eq. 4",
             ("maps",)),
    LossSpec("relative_gram", "perceptual", _MAPS, "none",
             "Σ (G(z) - G(t))² / Σ G(t)²", "Gatys et al. NeurIPS 2015, eq. 4, as a share", ("maps",)),
    LossSpec("normalized_content", "perceptual", _MAPS, "none",
             "mean (n(z) - n(t))², n a map of mean 0 and variance 1", "Liu et al. ICCV 2021, section 3.3", ("maps",)),
    LossSpec("sliced_wasserstein", "perceptual", _MAPS, "none",
             "mean over directions of (sort(z·v) - sort(t·v))²", "Heitz et al. CVPR 2021, eq. 4", ("maps",)),
    LossSpec("total_variation", "perceptual", _MAPS, "none",
             "mean |∂x z| + mean |∂y z|", "Rudin et al. 1992", ("maps",)),
):  # fmt: skip
    CATALOGUE.register(_row.name, _row)

_ADVICE: dict[TargetKind, str] = {
    "one of K": "softmax_cross_entropy",
    "multi-hot": "sigmoid_cross_entropy",
    "real": "euclidean",
    "groups": "contrastive",
    "boxes": "giou",
    "objects": "task_aligned",
    "maps": "gram",
}


def check_pairing(name: str, target: TargetKind, head: str = "none") -> None:
    """Refuse a loss that cannot be right for the target or the head of the network.

    All losses here take raw outputs; a network that ends in softmax or sigmoid would be squashed twice.

    Args:
        name: of the loss.
        target: ``"one of K"`` (classes), ``"multi-hot"`` (several labels at once) or ``"real"``.
        head: activation of the last layer, ``"none"`` for raw outputs.

    Raises:
        UsageError: an unknown loss, or a wrong pairing; the hint names the right one.
    """
    spec = CATALOGUE.get(name)
    if target not in spec.accepts:
        raise UsageError(
            f"loss {name!r} ({spec.family}) cannot be right for {target} targets",
            f"use {_ADVICE[target]!r}",
        )
    if head not in ("none", "linear"):
        raise UsageError(
            f"loss {name!r} takes raw outputs, the network ends in {head!r}",
            "remove the last activation; prediction applies the right one",
        )
