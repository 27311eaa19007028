"""ImageCard: what the data card says of the pictures themselves."""

from typing import Any

from posebeam.pipelines.images.rows import QUALITY

_ROW = """A row of `images` is a picture: `image` holds the file's own bytes as they are, `width` and `height` are
those of the picture turned as its EXIF says. `datasets` opens it as an Image.
"""
_ANNOTATED = """`people` are those annotated in it, a list, empty where nobody is: `keypoints` is [17, 3] flattened
(x, y, v), x and y in source pixels with 0 at the corner of the first pixel (COCO's number plus 0.5), v is COCO's
flag, 0 not labelled (x = y = 0), 1 hidden, 2 seen; `bbox` x, y, width, height, `area`, `iscrowd` as annotated,
crowds and people without keypoints included; `annotation_id` and `image_id` are the annotation file's numbers.
"""
_FOLDERS = """`label_name` is the folder that it lies in. Nobody is annotated: `people` is empty, `image_id` null.
A frame of a video is a picture too: its `clip_id` is the video's path, # and the number of the frame among those
that were taken, {fps}; its bytes are JPEG of quality {quality}; the video is its `group`.
"""


def image_text(config: dict[str, Any]) -> str:
    """The paragraph about the product images of a data set with that configuration; "" if it has none."""
    if not config.get("images"):
        return ""
    if config["kind"] == "coco-images":
        return _ROW + _ANNOTATED
    fps = f"at most {config['fps']:g} a second" if config["fps"] else "which are all"
    return _ROW + _FOLDERS.format(fps=fps, quality=QUALITY)
