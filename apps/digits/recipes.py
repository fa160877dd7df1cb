"""How each network is trained by default, and what to expect of it.

Times are for 2 cores with AVX-512 and no matrix unit; scores are on MNIST's 10,000 test digits.
"""

from __future__ import annotations

from dataclasses import replace

from common.data.augment import Augmentation, Geometry
from common.data.datasets import DatasetSpec
from common.registry import Registry
from common.training import Recipe

__all__ = ["LONG", "RECIPES", "default_recipe"]

RECIPES = Registry[Recipe]("recipe")

_MILD = Augmentation(Geometry(shift=0.05, rotate=10, scale=0.16, shear=0.1, elastic=0.4, elastic_cells=5))
_STRONG = Augmentation(
    Geometry(shift=0.05, rotate=12, scale=0.2, shear=0.18, elastic=0.6, elastic_cells=5),
    stroke=0.3,
    blur=1.2,
    noise=0.15,
)

# cnnapps digits train --data mnist                        187 s, 99.41 %
RECIPES.register("cnn", Recipe(epochs=4, rate=3e-3, average=0.995, augmentation=_MILD))
# cnnapps digits train --network lenet --data mnist        52 s, 99.44 %
RECIPES.register("lenet", Recipe(epochs=6, rate=2e-3, average=0.995, augmentation=_MILD))
# cnnapps digits train --network mlp --data mnist          23 s, 98.26 %
RECIPES.register("mlp", Recipe(epochs=12, rate=1e-3, weight_decay=0.02, average=0.995))
# cnnapps digits train --network perceptron --data mnist   3 s, 89.01 %
RECIPES.register(
    "perceptron",
    Recipe(loss="perceptron", optimizer="perceptron rule", epochs=5, rate=0.1, average=0.0, weight_decay=0.0),
)

# The network that ships, in two commands:
# cnnapps digits train --recipe patient --data mnist --outliers FOLDER --out long            75 minutes
# cnnapps digits train --recipe flatten --weights long --data mnist --outliers FOLDER        20 minutes
LONG = Registry[Recipe]("recipe")
LONG.register("patient", Recipe(epochs=90, rate=2e-3, average=0.999, augmentation=_STRONG))
# Sharpness-aware steps cost two, and at the end of a training they give nearly all that they give throughout
# (Zhou et al., arXiv 2410.10373).
LONG.register(
    "flatten",
    Recipe(epochs=16, rate=1e-3, warmup=0.05, average=0.999, sharpness=0.1, augmentation=_STRONG),
)


def default_recipe(network: str, spec: DatasetSpec, name: str = "default") -> Recipe:
    """Return the recipe of a network, with more passes and smaller batches where the data are few.

    Args:
        network: a name of ``apps.digits.models.NETWORKS``.
        spec: of the data.
        name: ``default``, or one of ``LONG`` for the network ``cnn``.
    """
    recipe = RECIPES.get(network) if name == "default" else LONG.get(name)
    examples = spec.counts["train"]
    if examples >= 20_000 or network == "perceptron":
        return recipe
    # About 2,500 steps, whatever the number of examples; sets of a few hundred stop at 60 passes.
    batch = 32 if examples < 5_000 else 64
    epochs = min(60, max(recipe.epochs, round(1_500 * batch / examples)))
    return replace(recipe, epochs=epochs, batch=min(batch, max(8, examples // 4)))
