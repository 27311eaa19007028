"""Products: which folders of shards a data set holds."""

from collections.abc import Mapping
from typing import Any

from posebeam.models.extractors import extractor
from posebeam.pipelines.features.schema import features
from posebeam.pipelines.images.schema import images
from posebeam.pipelines.schema import Product, clips, poses, rejected, windows
from posebeam.pipelines.settings import STILLS
from posebeam.pipelines.stills.schema import people, still_poses

FOLDERS = ("images", "poses", "windows", "features", "clips", "people", "rejected")


def products_of(config: Mapping[str, Any]) -> dict[str, Product]:
    """The products by name, of a manifest's configuration."""
    kind, has_poses = config["kind"], bool(config["backbone"])
    if kind not in STILLS:
        found = [*([poses(), windows(config["window"])] if has_poses else []), clips()]
    else:
        found = [*([still_poses()] if has_poses else []), *([people()] if kind == "coco" else [])]
    pictures = [images()] if config.get("images") else []
    seen = [features(extractor(config["features"]).width)] if config.get("features") else []
    return {product.name: product for product in (*pictures, *seen, *found, rejected())}
