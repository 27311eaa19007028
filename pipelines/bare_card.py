"""BareCard: what the data card says where nobody looked for poses."""

from typing import Any

from posebeam.pipelines.features.card import feature_text
from posebeam.pipelines.images.card import image_text

_TITLES = {"images": "Images", "coco-images": "Images with people"}
_FILES = {"images": "images, videos", "coco-images": "images"}
_ROWS = {
    "clips": "A row of `clips` is a clip, built or rejected, and how many `frames` were read of it: `people` and\n"
    "`windows` are 0, as nobody looked for people.\n",
}


def bare_body(manifest: dict[str, Any], clips: str, source: str) -> str:
    """The card below its front matter; clips and source are lines about them."""
    config, products = manifest["config"], {file["product"] for file in manifest["files"]}
    rows = "\n".join(f"| {name} | {count:,} |" for name, count in sorted(manifest["rows"].items()))
    classes = "\n".join(f"{index}. {name}" for index, name in enumerate(manifest["classes"]))
    told = "".join(text for name, text in _ROWS.items() if name in products)
    return f"""# {_TITLES.get(config["kind"], "Clips")} made by posebeam

| | |
|---|---|
| {_FILES.get(config["kind"], "clips")} | {clips} |
| frames | {manifest["frames"]:,}{f", at most {config['fps']:g} a second" if config["fps"] else ""} |

There are no poses in it. `label` is the index into the class names below. `group` names what belongs together
and stands on one side of every split.
{image_text(config)}{feature_text(config)}{told}A row of `rejected` is a clip that gave nothing, with the reason.

| rows | |
|---|---|
{rows}

## Classes

{classes}

## Source

{source}
"""
