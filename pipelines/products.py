"""Products: which folders of shards a data set of a kind holds."""

from posebeam.pipelines.schema import Product, clips, poses, rejected, windows
from posebeam.pipelines.settings import STILLS
from posebeam.pipelines.still_schema import people, still_poses

FOLDERS = ("poses", "windows", "clips", "people", "rejected")


def products_of(kind: str, length: int) -> dict[str, Product]:
    """The products by name, for windows of that length."""
    if kind not in STILLS:
        found = [poses(), windows(length), clips(), rejected()]
    else:
        found = [still_poses(), *([people()] if kind == "coco" else []), rejected()]
    return {product.name: product for product in found}
