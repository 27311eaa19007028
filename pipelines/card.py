"""Card: OUT/README.md, for people and for datasets.load_dataset."""

from pathlib import Path
from typing import Any

from posebeam.pipelines.bare_card import bare_body
from posebeam.pipelines.features.card import feature_text
from posebeam.pipelines.publish import publish_text
from posebeam.pipelines.settings import ANNOTATED, STILLS
from posebeam.pipelines.stills.card import STILL_SOURCES, still_body
from posebeam.transforms.chain import chain

FILE = "README.md"

_PERSONS = {
    "main": "Whose windows: the main person's of each clip. Of all tracks that is the longest, largest, "
    "steadiest: frames x mean size x mean score of the joints seen x share of frames with the person from first "
    "to last. `poses` holds everybody; `posebeam windows --person all` makes windows of everybody.",
    "all": "Whose windows: everybody's whose track is half a window or longer; `person` counts the people of a "
    "clip as they appear.",
}
_SOURCES = {
    "ucf101": "UCF101, research use, https://www.crcv.ucf.edu/data/UCF101.php; what is made of it inherits "
    "its terms.",
    "openpose-json": "Poses by OpenPose, imported from its JSON files. Followed is whoever has a person_id; in "
    "clips without one the person listed first in each frame is person 0.",
    "pyskl": "Poses from a skeleton pickle of PYSKL's or MMAction2's. A person is a place among an annotation's "
    "people: where its maker did not track them, a place may jump from one to another.",
    "mpose": "MPOSE2021, for research, https://github.com/PIC4SeR/MPOSE2021_Dataset: a clip is one of its "
    "sequences, `group` its actor.",
    "videos": "Your own videos: their licence is yours to state.",
    "manifest": "Videos named by a table of your own: their licence is yours to state.",
}


def write_card(manifest: dict[str, Any], out: Path) -> None:
    """Publish the data card."""
    publish_text(_front_matter(manifest) + _body(manifest), out, FILE)


def _front_matter(manifest: dict[str, Any]) -> str:
    task, first = _task(manifest["config"])
    lines = ["---", "license: other", "task_categories:", f"- {task}"]
    filled = [file for file in manifest["files"] if file["rows"]]  # datasets refuses splits without rows
    products = {file["product"] for file in filled}
    lines += ["configs:"] if products else []
    for product in sorted(products, key=lambda name: (name != first, name)):
        lines.append(f"- config_name: {product}")
        lines += ["  default: true"] if product == first else []
        lines.append("  data_files:")
        splits = dict.fromkeys(file["split"] for file in filled if file["product"] == product)
        for split in sorted(splits, key=("train", "validation", "test").index):
            lines += [f"  - split: {split}", f"    path: {product}/{split}-*.parquet"]
    return "\n".join([*lines, "---", "", ""])


def _task(config: dict[str, Any]) -> tuple[str, str]:
    """What the data are for, and the product that opens if none is named."""
    if config["kind"] not in STILLS:
        seen = "features" if config.get("features") else "clips"
        return "video-classification", "windows" if config["backbone"] else seen
    detects = config["backbone"] or config["kind"] in ANNOTATED
    return "keypoint-detection" if detects else "image-feature-extraction", (
        "images" if config.get("images") else "poses"
    )


def _is_still(manifest: dict[str, Any]) -> bool:
    return manifest["config"]["kind"] in STILLS


def _sum(clips: dict[str, int]) -> str:
    parts = " + ".join(f"{clips[name]:,} {name}" for name in ("built", "rejected", "missing"))
    return f"{clips['listed']:,} listed = {parts}"


def _poses(manifest: dict[str, Any]) -> str:
    """What there is to say of poses, and of whose windows are made of them; nothing where only windows are."""
    config = manifest["config"]
    if not any(file["product"] == "poses" for file in manifest["files"]):
        return ""
    what = f"a segment of at most 1,024 frames of one person ({config['skeleton']}, source pixels)"
    return f"A row of `poses` is {what}.\n{_PERSONS[config['person']]}\n"


def _clips(manifest: dict[str, Any]) -> str:
    """What there is to say of clips; nothing where a data set of before has none."""
    if not any(file["product"] == "clips" for file in manifest["files"]):
        return ""
    return (
        "A row of `clips` is a clip, built or rejected: how many `frames` were read of it, how many `people`\n"
        "were tracked, how many `windows` were cut. Nothing can be said to a clip without windows: where models\n"
        "are compared it counts as wrong.\n"
    )


def _choices(config: dict[str, Any]) -> str:
    """How the backbone was used, where there was a choice."""
    said = {"decode": "decoded by {}", "detector": "boxes by {}", "flip": "mirrored pictures looked at too"}
    said["backbone_sha256"] = "of a run of posebeam train-pose, the sha256 of its row `{}`"
    chosen = [text.format(config[name]) for name, text in said.items() if config.get(name)]
    return f" ({', '.join(chosen)})" if chosen else ""


def _windows(config: dict[str, Any]) -> str:
    """How windows were cut."""
    length, stride, least = (config[name] for name in ("window", "stride", "min_score"))
    gaps = ", frames without the person are left out" if config.get("gaps") == "drop" else ""
    return f"{length} frames, stride {stride}, joints scored under {least} are missing{gaps}"


def _body(manifest: dict[str, Any]) -> str:
    config, clips, rows = manifest["config"], manifest["clips"], manifest["rows"]
    if not config["backbone"]:
        return bare_body(manifest, _sum(clips), {**_SOURCES, **STILL_SOURCES}[config["kind"]])
    backbone = f"{config['backbone']}{_choices(config)}, weights sha256 `{config['weights_sha256']}`"
    if _is_still(manifest):
        return still_body(manifest, backbone, _sum(clips))
    n = config["window"]
    table = "\n".join(f"| {name} | {count:,} |" for name, count in sorted(rows.items()))
    classes = "\n".join(f"{index}. {name}" for index, name in enumerate(manifest["classes"]))
    return f"""# Pose windows made by posebeam

| | |
|---|---|
| backbone | {backbone} |
| chain | `{config["chain"]}` version {config["chain_version"]}: {chain(config["chain"]).about} |
| layout | `{config["layout"]}` (13 joints) |
| windows | {_windows(config)} |
| clips | {_sum(clips)} |
| frames | {manifest["frames"]:,}{f", at most {config['fps']:g} a second" if config["fps"] else ""} |

A row of `windows` is one window of {n} frames of one person: `x` is [{n}, 52] flattened (13 joints x
(x, y, vx, vy), keypoint-major), `valid` is [{n}, 13] flattened: false where a joint was not seen, in frames
without the person, and in padding. `start` is the frame number of its first frame. `label` is the index into
the class names below. `group` keeps what belongs together on one side of every split.
{_poses(manifest)}{feature_text(config)}{_clips(manifest)}\
A row of `rejected` is a clip that gave nothing, with the reason.

| rows | |
|---|---|
{table}

## Classes

{classes}

## Source

{_SOURCES[config["kind"]]}
"""
