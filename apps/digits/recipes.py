"""How each network is trained by default, and what to expect of it.

Times are for 2 cores with AVX-512 and no matrix unit; scores are on MNIST's 10,000 test digits.
"""

from __future__ import annotations

from dataclasses import replace

from common.data.augment import Augmentation
from common.data.datasets import DatasetSpec
from common.data.distortion import Geometry
from common.registry import Registry
from common.training import Recipe

__all__ = ["PATIENT", "RECIPES", "default_recipe"]

RECIPES = Registry[Recipe]("recipe")

_MILD = Augmentation(Geometry(shift=0.05, rotate=10, scale=0.16, shear=0.1, elastic=0.4, elastic_cells=5))
_STRONG = Augmentation(
    Geometry(shift=0.05, rotate=12, scale=0.2, shear=0.18, elastic=0.6, elastic_cells=5),
    stroke=0.3,
    blur=1.2,
    noise=0.15,
)

# cnnapps digits train --data mnist                        202 s, 99.50 %
RECIPES.register("cnn", Recipe(epochs=4, rate=3e-3, average=0.995, augmentation=_MILD))
# cnnapps digits train --network lenet --data mnist        59 s, 99.53 %
RECIPES.register("lenet", Recipe(epochs=6, rate=2e-3, average=0.995, augmentation=_MILD))
# cnnapps digits train --network mlp --data mnist          24 s, 98.25 %
RECIPES.register("mlp", Recipe(epochs=12, rate=1e-3, weight_decay=0.02, average=0.995))
# cnnapps digits train --network perceptron --data mnist   4 s, 89.01 %
RECIPES.register(
    "perceptron",
    Recipe(loss="perceptron", optimizer="perceptron rule", epochs=5, rate=0.1, average=0.0, weight_decay=0.0),
)

# The network that ships, about 75 minutes, 99.71 %:
# cnnapps digits train --recipe patient --data mnist --outliers FOLDER
PATIENT = Recipe(epochs=90, rate=2e-3, average=0.999, augmentation=_STRONG)


def default_recipe(network: str, spec: DatasetSpec, *, patient: bool = False) -> Recipe:
    """Return the recipe of a network, with more passes and smaller batches where the data are few.

    Args:
        network: a name of ``apps.digits.models.NETWORKS``.
        spec: of the data.
        patient: the long run with strong augmentation that made the shipped weights.
    """
    recipe = PATIENT if patient else RECIPES.get(network)
    examples = spec.counts["train"]
    if examples >= 20_000 or network == "perceptron":
        return recipe
    # About 2,500 steps, whatever the number of examples; sets of a few hundred stop at 60 passes.
    batch = 32 if examples < 5_000 else 64
    epochs = min(60, max(recipe.epochs, round(1_500 * batch / examples)))
    return replace(recipe, epochs=epochs, batch=min(batch, max(8, examples // 4)))
