"""PoseRecipes: named ways to train a pose network, as the publications trained theirs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from posebeam.models.row import Row
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.picture_augment import PictureAugmentation
from posebeam.transforms.pose_augment import MILD
from posebeam.workflows.pose.recipe import EVERYTHING, PoseRecipe

_PERSONS: dict[str, Any] = {
    "optimiser": "adamw", "rate": 1e-4, "backbone_rate": 1e-5, "decay": 1e-4, "clip_norm": 0.1,
}  # fmt: skip
_BTRANSPOSE = PoseRecipe(
    "btranspose",
    "BTranspose as its code trains it: TransPose's recipe (what the paper's table says is btranspose-paper).",
    ("networks.btranspose:BTranspose",),
    "maps",
    rate=1e-4,
    schedule="cosine",
    end_rate=1e-5,
    epochs=230,
    batch=16,
    drawn=EVERYTHING,
)

# Sources: the configurations and tools/train.py of github.com/microsoft/human-pose-estimation.pytorch,
# leoxiaobin/deep-high-resolution-net.pytorch, yangsenius/TransPose, kaushikb258/BTranspose, mlpc-ucsd/PRTR. Those
# with Adam name a weight decay that they do not use.
RECIPES: Mapping[str, PoseRecipe] = {
    recipe.name: recipe
    for recipe in (
        PoseRecipe(
            "simple-baseline",
            "SimpleBaseline: Adam, x 0.1 at epochs 90 and 120 of 140; from ImageNet's ResNet.",
            ("networks.simple_baseline:SimpleBaseline",),
            "maps",
            steps=(90, 120),
            epochs=140,
            drawn=("deconv_layers", "final_layer"),
            augmentation=MILD,
        ),
        PoseRecipe(
            "hrnet",
            "HRNet: Adam, x 0.1 at epochs 170 and 200 of 210; from ImageNet's HRNet.",
            ("networks.hrnet:HRNet",),
            "maps",
            steps=(170, 200),
            devices=4,
            drawn=EVERYTHING,
        ),
        PoseRecipe(
            "transpose",
            "TransPose: Adam 1e-4 down a cosine to 1e-5; from ImageNet's ResNet or HRNet.",
            ("networks.transpose:TransPoseR", "networks.transpose:TransPoseH"),
            "maps",
            rate=1e-4,
            schedule="cosine",
            end_rate=1e-5,
            epochs=230,
            batch=20,
            drawn=("final_layer",),
        ),
        _BTRANSPOSE,
        replace(
            _BTRANSPOSE,
            name="btranspose-paper",
            about="BTranspose as the paper's table has it: x 0.25 at epochs 100, 150, 200 and 220.",
            schedule="steps",
            steps=(100, 150, 200, 220),
            factor=0.25,
            end_rate=0.0,
        ),
        replace(
            _BTRANSPOSE,
            name="btranspose-sinkhorn",
            about="With the Sinkhorn loss that the paper names, a real one, beside the squared error.",
            objective="maps-sinkhorn",
        ),
        replace(
            _BTRANSPOSE,
            name="btranspose-sinkhorn-unused",
            about="With the Sinkhorn loss as committed: computed, not used; it trains as btranspose does.",
            objective="maps-sinkhorn-unused",
        ),
        PoseRecipe(
            "prtr",
            "PRTR, two stages: AdamW, the set loss of joints; from ImageNet's ResNet or HRNet.",
            ("networks.prtr:PRTR",),
            "joints",
            **_PERSONS,
            steps=(120, 140),
            factor=0.5,
            epochs=200,
            devices=4,
            augmentation=MILD,
        ),
        # The publication shows no training of it: DETR's, whose first stage it has.
        PoseRecipe(
            "prtr-sequential",
            "Sequential PRTR by posebeam's own design: DETR's training, and the set loss for each one's joints.",
            ("networks.prtr_sequential:SequentialPRTR",),
            "people",
            **_PERSONS,
            steps=(200,),
            epochs=300,
            batch=2,
            devices=16,
            augmentation=PictureAugmentation(),
        ),
    )
}
# What a publication does otherwise with some of its networks: the network, arguments that tell them, the numbers.
_OWN: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("networks.transpose:TransPoseH", {}, {"epochs": 240, "batch": 14, "drawn": EVERYTHING}),
    ("networks.transpose:TransPoseH", {"layers": 6}, {"devices": 4}),
    ("networks.transpose:TransPoseH", {"width": 32}, {"batch": 16, "devices": 2}),
    ("networks.prtr:PRTR", {"trunk": "hrnet-w32"}, {"backbone_rate": 1e-4, "steps": (70, 95), "batch": 16}),
)


def pose_recipe(name: str, row: Row) -> PoseRecipe:
    """The recipe of that name, "" being the family's own, with the numbers published for this network.

    ConfigError if there is none of that name, if it is another family's, or if the backbone cannot be trained.
    """
    own = [each for each in RECIPES.values() if row.network in each.networks]
    if not own:
        trained = sorted({network.split(":")[1] for each in RECIPES.values() for network in each.networks})
        raise ConfigError(f"backbone {row.name} cannot be trained here; those can: {', '.join(trained)}")
    if name and name not in RECIPES:
        raise ConfigError(f"no recipe {name!r}; known: {', '.join(RECIPES)}")
    chosen = RECIPES[name] if name else own[0]
    if chosen not in own:
        raise ConfigError(
            f"recipe {name} does not fit backbone {row.name}; its family's: {', '.join(each.name for each in own)}"
        )
    for network, arguments, numbers in _OWN:
        if row.network == network and arguments.items() <= dict(row.arguments).items():
            chosen = replace(chosen, **numbers)
    return chosen
