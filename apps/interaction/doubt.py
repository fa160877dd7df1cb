"""How far a prediction may be off, from how far the members of an ensemble disagree."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from apps.interaction.metrics import negative_log_likelihood

__all__ = ["Doubt"]


@dataclass(frozen=True)
class Doubt:
    """The standard error of a prediction: ``sqrt(noise² + (factor · disagreement)²)``.

    Members that agree are not free of error: what was measured has noise of its own, and they share what they lack.

    Args:
        noise: error that is left where the members agree.
        factor: by which their standard deviation is multiplied.

    Reference:
        Kendall and Gal, "What uncertainties do we need in Bayesian deep learning for computer vision?", NeurIPS 2017,
        section 2: noise of the data beside ignorance of the model; here both are fitted on pairs that were held out.
    """

    noise: float = 0.0
    factor: float = 0.0

    @classmethod
    def fitted(cls, disagreement: np.ndarray, errors: np.ndarray) -> Doubt:
        """Return the one under which held-out errors are likeliest.

        Args:
            disagreement: standard deviation of the members for each pair ``(n,)``.
            errors: of their mean ``(n,)``.
        """
        from scipy.optimize import minimize

        size = max(float(np.sqrt(np.mean(np.square(errors)))), 1e-6)
        start = np.log([size / 2, size / max(float(disagreement.mean()), 1e-6) / 2])
        zero = np.zeros(len(errors))

        def loss(logarithms: np.ndarray) -> float:
            noise, factor = np.exp(np.clip(logarithms, -12, 12))
            return negative_log_likelihood(zero, cls(noise, factor).of(disagreement), errors)

        found = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-8})
        noise, factor = np.exp(np.clip(found.x, -12, 12))
        return cls(float(noise), float(factor))

    def of(self, disagreement: np.ndarray) -> np.ndarray:
        """Return the standard error for standard deviations of the members."""
        return np.sqrt(self.noise**2 + (self.factor * disagreement) ** 2)

    def to_json(self) -> dict[str, float]:
        """Return plain values."""
        return asdict(self)
