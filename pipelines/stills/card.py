"""StillCard: what the data card says of images."""

from typing import Any

from posebeam.pipelines.images.card import image_text
from posebeam.pipelines.settings import IMPORTED

_COCO = (
    "Images and people in the COCO format. COCO's own: annotations CC BY 4.0, images under per-image "
    "Flickr licences, https://cocodataset.org/#termsofuse."
)
STILL_SOURCES = {
    "coco": _COCO,
    "coco-images": _COCO,
    "images": "Your own images: their licence is yours to state.",
}
_PEOPLE = """A row of `people` is a person as annotated: `keypoints` is [17, 3] flattened (x, y, v): x and y in the
pixels of `poses` (COCO's number plus 0.5), v is COCO's flag, 0 not labelled (x = y = 0), 1 hidden, 2 seen; `bbox`,
`area`, `iscrowd` as annotated, crowds and people without keypoints included.
"""
_RESULTS = """`coco-results.json` holds the poses as COCO keypoint results (`pycocotools.COCO.loadRes`): the 17
joints by name, pixels counted from the middle of the first (0.5 less than in `poses`), `score` = `person_score`.
"""


# By whether the poses were made here.
_SCORES = {
    True: "how sure the backbone is of the person, by its box and joints where it looked into boxes",
    False: "the score that their results give",
}


def still_body(manifest: dict[str, Any], backbone: str, clips: str) -> str:
    """The card below its front matter; backbone and clips are lines about them."""
    config = manifest["config"]
    made_here = not config["backbone"].startswith(IMPORTED)
    rows = "\n".join(f"| {name} | {count:,} |" for name, count in sorted(manifest["rows"].items()))
    return f"""# Poses in images made by posebeam

| | |
|---|---|
| backbone | {backbone} |
| norm13 | chain `{config["chain"]}` version {config["chain_version"]}, layout `{config["layout"]}` |
| joints | scored under {config["min_score"]} are missing |
| images | {clips} |

A row of `poses` is one person of one image: `xy` and `score` of {config["skeleton"]}, in source pixels with 0
at the corner of the first pixel; `box` x0, y0, x1, y1; `person_score`, {_SCORES[made_here]};
`norm13`, [13, 2] flattened, the 13 joints centred and scaled as the chain does it frame by frame, with `valid13`.
Everybody whom the backbone sees is there, `person` counts them. A still has no velocities and so no windows.
{image_text(config)}{_PEOPLE if config["kind"] == "coco" else ""}{_RESULTS if "coco_results" in manifest else ""}\
A row of `rejected` is an image that gave nothing, with the reason.

| rows | |
|---|---|
{rows}

## Source

{STILL_SOURCES[config["kind"]]}
"""
