"""Flip test: what a network says of the mirrored picture, turned back and averaged with the rest."""

import torch
from torch import Tensor

from posebeam.transforms.skeleton import Skeleton


def unflipped_maps(maps: Tensor, skeleton: Skeleton, shift: bool) -> Tensor:
    """Maps [B, K, h, w] of mirrored inputs as maps of the inputs: columns reversed, left and right exchanged.

    shift: moved one cell to the right, the first column staying, for networks that measure from edge to edge:
    their maps of a picture and of its mirror are most of an input cell apart (Huang et al., arXiv 1911.07524).
    """
    back = maps[:, list(skeleton.mirror)].flip(3)
    return torch.cat((back[..., :1], back[..., :-1]), 3) if shift else back


def unflipped_joints(joints: Tensor, skeleton: Skeleton) -> Tensor:
    """Joints [B, K, 3] (x and y in fractions of the input, score) of mirrored inputs as joints of the inputs."""
    back = joints[:, list(skeleton.mirror)]
    return torch.cat((1 - back[..., :1], back[..., 1:]), -1)


def averaged_maps(maps: Tensor, of_mirrored: Tensor, skeleton: Skeleton, shift: bool) -> Tensor:
    """The mean [B, K, h, w] of maps of inputs and of the mirrored inputs."""
    return (maps + unflipped_maps(of_mirrored, skeleton, shift)) * 0.5


def averaged_joints(joints: Tensor, of_mirrored: Tensor, skeleton: Skeleton) -> Tensor:
    """The mean [B, K, 3] of joints (fractions and score) of inputs and of the mirrored inputs."""
    return (joints + unflipped_joints(of_mirrored, skeleton)) * 0.5
