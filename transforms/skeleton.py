"""Skeletons: names of joints, their sides and limbs. Every permutation is derived from names."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from posebeam.transforms.errors import ConfigError


@dataclass(frozen=True)
class Skeleton:
    """A name, the joints' names in order, and the limbs as pairs of joint names."""

    name: str
    joints: tuple[str, ...]
    limbs: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        if len(set(self.joints)) != len(self.joints):
            raise ConfigError(f"skeleton {self.name}: a joint is named twice in {self.joints}")
        strangers = {joint for limb in self.limbs for joint in limb} - set(self.joints)
        if strangers:
            raise ConfigError(f"skeleton {self.name}: limbs name joints it lacks: {sorted(strangers)}")

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Position of a joint; ConfigError if the skeleton lacks it."""
        if joint not in self.joints:
            raise ConfigError(f"skeleton {self.name} has no joint {joint!r}; it has {', '.join(self.joints)}")
        return self.joints.index(joint)

    def indices(self, joints: Iterable[str]) -> list[int]:
        """Positions of several joints: `xy[..., skeleton.indices(other.joints), :]` reorders."""
        return [self.index(joint) for joint in joints]

    @cached_property
    def mirror(self) -> tuple[int, ...]:
        """For each joint the position of its counterpart on the other side (itself if it has none)."""
        return tuple(self.joints.index(_other_side(joint)) for joint in self.joints)

    @cached_property
    def limb_indices(self) -> tuple[tuple[int, int], ...]:
        """The limbs as pairs of positions, for drawing."""
        return tuple((self.joints.index(a), self.joints.index(b)) for a, b in self.limbs)


def _other_side(joint: str) -> str:
    for side, other in (("left_", "right_"), ("right_", "left_")):
        if joint.startswith(side):
            return other + joint.removeprefix(side)
    return joint


def _both(*limbs: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """Each limb on the left and on the right; a joint written with * takes the side."""
    return tuple((a.replace("*", side), b.replace("*", side)) for side in ("left", "right") for a, b in limbs)


_FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
_ARMS_LEGS = _both(("*_shoulder", "*_elbow"), ("*_elbow", "*_wrist"), ("*_hip", "*_knee"), ("*_knee", "*_ankle"))
_TORSO = (("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"), *_both(("*_shoulder", "*_hip")))
_EYES_EARS = _both(("nose", "*_eye"), ("*_eye", "*_ear"))
_NECK_TREE = (("neck", "nose"), *_both(("neck", "*_shoulder"), ("neck", "*_hip")))
_RIGHT_THEN_LEFT = tuple(
    f"{side}_{part}"
    for limb in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))
    for side in ("right", "left")
    for part in limb
)
_COCO18 = ("nose", "neck", *_RIGHT_THEN_LEFT, "right_eye", "left_eye", "right_ear", "left_ear")
_SIDED_13 = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")

SKELETONS: dict[str, Skeleton] = {
    skeleton.name: skeleton
    for skeleton in (
        Skeleton(
            "coco17",
            (*_FACE, *(f"{side}_{part}" for part in _SIDED_13 for side in ("left", "right"))),
            (*_ARMS_LEGS, *_TORSO, *_EYES_EARS),
        ),
        Skeleton("coco18", _COCO18, (*_ARMS_LEGS, *_NECK_TREE, *_EYES_EARS)),
        # The heat maps of OpenPose's COCO network: its 18 parts, then the background.
        Skeleton("openpose19", (*_COCO18, "background"), (*_ARMS_LEGS, *_NECK_TREE, *_EYES_EARS)),
        Skeleton(
            "body25",
            (
                "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow",
                "left_wrist", "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee",
                "left_ankle", "right_eye", "left_eye", "right_ear", "left_ear", "left_big_toe",
                "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel",
            ),
            (
                ("neck", "nose"), ("neck", "mid_hip"), *_both(("neck", "*_shoulder"), ("mid_hip", "*_hip")),
                *_ARMS_LEGS, *_EYES_EARS, *_both(("*_ankle", "*_heel"), ("*_ankle", "*_big_toe")),
                *_both(("*_big_toe", "*_small_toe")),
            ),
        ),
        Skeleton(
            "mpii16",
            (
                "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis",
                "thorax", "upper_neck", "head_top", "right_wrist", "right_elbow", "right_shoulder",
                "left_shoulder", "left_elbow", "left_wrist",
            ),
            (
                *_ARMS_LEGS, *_both(("pelvis", "*_hip"), ("thorax", "*_shoulder")),
                ("pelvis", "thorax"), ("thorax", "upper_neck"), ("upper_neck", "head_top"),
            ),
        ),
        Skeleton(
            "blazepose33",
            (
                "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye",
                "right_eye_outer", "left_ear", "right_ear", "left_mouth", "right_mouth",
                *(
                    f"{side}_{part}"
                    for part in (
                        "shoulder", "elbow", "wrist", "pinky", "index", "thumb", "hip", "knee", "ankle",
                        "heel", "foot_index",
                    )
                    for side in ("left", "right")
                ),
            ),
            (
                *_ARMS_LEGS, *_TORSO, *_EYES_EARS, ("left_mouth", "right_mouth"),
                *_both(("*_wrist", "*_index"), ("*_ankle", "*_heel"), ("*_heel", "*_foot_index")),
            ),
        ),
        # The two 13-joint layouts of AcT's input. Both are n x 30 x 52, and they are not compatible.
        Skeleton(
            "act13-coco",
            ("head", *(f"{side}_{part}" for part in _SIDED_13 for side in ("left", "right"))),
            (*_ARMS_LEGS, *_TORSO, *_both(("head", "*_shoulder"))),
        ),
        Skeleton(
            "act13-body25",
            (
                "head",
                *(
                    f"{side}_{part}"
                    for limb in (("shoulder", "elbow", "wrist"), ("hip", "knee", "foot"))
                    for side in ("right", "left")
                    for part in limb
                ),
            ),
            (
                *_both(("*_shoulder", "*_elbow"), ("*_elbow", "*_wrist"), ("*_hip", "*_knee")),
                *_both(("*_knee", "*_foot"), ("head", "*_shoulder")), *_TORSO,
            ),
        ),
    )
}  # fmt: skip


def skeleton(name: str) -> Skeleton:
    """The skeleton of that name; ConfigError with the known names otherwise."""
    if name not in SKELETONS:
        raise ConfigError(f"no skeleton {name!r}; known: {', '.join(sorted(SKELETONS))}")
    return SKELETONS[name]
