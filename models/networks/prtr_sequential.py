"""SequentialPRTR: persons by DETR, and the joints of each from the features in its box, in one network.

Source: Li et al., Pose Recognition with Cascade Transformers, arXiv 2104.06976 (figure 3, right, and section 3.3);
github.com/mlpc-ucsd/PRTR, sequential/annotated_prtr.ipynb (Apache-2.0), which was published without weights.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from posebeam.models.networks.detr import FEATURES, MLP, FixedResNet
from posebeam.models.networks.padding import padded
from posebeam.models.networks.sine import sine
from posebeam.models.networks.transformer import Transformer
from posebeam.transforms.errors import ConfigError

WIDTH = 256  # of the person transformer; the joint transformer has twice that
HEADS = 8
CONTEXT = 1.25  # a crop is that many times as wide and as high as its box
STAGES = {2: 256, 3: 512, 4: 1024, 5: 2048}  # C2..C5: channels


class SequentialPRTR(nn.Module):
    """Images, RGB and normalised by ImageNet's mean and deviation, to persons and the joints of each.

    Class 0 is the background, of joints and of persons alike (the notebook reads only the joints').
    Four defects of the notebook are mended: (1) the batch is as large as the largest of its images on each axis,
    by a function that the notebook lacks; (2) joints are put into the boxes of all persons of all images;
    (3) joints are classified for every person, not for the last alone; (4) a person's features come from its own
    image also in a batch of several.
    """

    x_interpolate: Tensor
    y_interpolate: Tensor
    pe: Tensor

    def __init__(
        self,
        depth: int = 50,
        levels: Sequence[int] = (3, 4, 5),
        x_res: int = 10,
        y_res: int = 10,
        persons: int = 100,
        joint_queries: int = 100,
        joints: int = 17,
        layers: int = 6,
        feedforward: int = 2048,
        dropout: float = 0.1,
        auxiliary: bool = False,
    ):
        """levels: the stages that are cropped, of C2..C5, whose cells are 4, 8, 16, 32 pixels wide.

        Crops are x_res wide and y_res high. layers: of encoder and of decoder, of persons and of joints.
        auxiliary: forward says what every decoder layer makes of the picture, not the last alone; a training may
        turn it on and off.
        """
        super().__init__()
        if not levels or not set(levels) <= STAGES.keys():
            raise ConfigError(f"levels {list(levels)}: expected some of {list(STAGES)}")
        self.backbone = nn.Sequential(FixedResNet(depth))
        self.input_proj = nn.Conv2d(FEATURES, WIDTH, 1)
        self.query_embed = nn.Embedding(persons, WIDTH)
        self.transformer = Transformer(WIDTH, HEADS, layers, feedforward, dropout)
        self.class_embed = nn.Linear(WIDTH, 2)
        self.bbox_embed = MLP(WIDTH, 4)
        channels = sum(STAGES[level] for level in levels)
        self.transformer_kpt = JointTransformer(channels, joint_queries, joints, layers, feedforward, dropout)
        self._levels = tuple(levels)
        self.auxiliary = auxiliary
        self._build_positions(x_res, y_res)

    def _build_positions(self, x_res: int, y_res: int) -> None:
        """Where a crop looks, in halves of its box, and what its cells know of their place."""
        self.register_buffer("x_interpolate", torch.linspace(-CONTEXT, CONTEXT, x_res)[None])  # [1, x_res]
        self.register_buffer("y_interpolate", torch.linspace(-CONTEXT, CONTEXT, y_res)[None])  # [1, y_res]
        # Nothing in a crop is padding. The table is here because a checkpoint names it.
        self.register_buffer("mask", torch.zeros(1, y_res, x_res))
        table = sine(torch.ones((1, y_res, x_res), dtype=torch.bool), WIDTH)
        self.register_buffer("pe", table.permute(0, 3, 1, 2))  # [1, 256, y_res, x_res]
        self.row_embed = nn.Embedding(WIDTH // 2, x_res)
        self.col_embed = nn.Embedding(WIDTH // 2, y_res)
        for embedding in (self.row_embed, self.col_embed):
            nn.init.uniform_(embedding.weight)

    def forward(self, images: Tensor | Sequence[Tensor], outside: Tensor | None = None) -> dict[str, Any]:
        """pred_logits [B, persons, 2] and pred_boxes [B, persons, 4]: cx, cy, w, h; and of each person
        pred_kpt_logits [B, persons, joint_queries, joints + 1], pred_kpt_coord [B, persons, joint_queries, 2].

        images: [B, 3, H, W], if some are padded with `outside`, bool [B, H, W], true in the padding; or a sequence
        of [3, h, w]. All coordinates are relative to the image without its padding, 0 to 1.
        With auxiliary also aux_outputs: the same four of each earlier layer of both decoders, the first layers'
        first. Crops are where the last layer's boxes are, and earlier layers' joints lie in these boxes too.
        """
        images, outside = padded(images, outside)
        stages = self.backbone(images)
        features = self.input_proj(stages[-1])
        persons = self.transformer.over_map(
            features, self.query_embed.weight, outside
        )  # [layers, B, persons, 256]
        boxes = self.bbox_embed(persons[-1])
        grid = self.grid(boxes, outside)
        crops = torch.cat([crop(stages[level - min(STAGES)], grid) for level in self._levels], 1)
        joints = self.transformer_kpt(crops, self._position(), boxes.shape[1])  # [layers, B, persons, Q, 512]
        said = self._said(persons[-1], boxes, joints[-1], boxes)
        if self.auxiliary:
            earlier = zip(persons[:-1], joints[:-1], strict=True)
            said["aux_outputs"] = [self._said(one, self.bbox_embed(one), each, boxes) for one, each in earlier]
        return said

    def _said(self, persons: Tensor, boxes: Tensor, joints: Tensor, seen: Tensor) -> dict[str, Any]:
        """One layer's outputs: of persons [B, P, 256] in boxes [B, P, 4], and of joints [B, P, Q, 512] that were
        looked for in the boxes `seen`.
        """
        coords, logits = self.transformer_kpt.read(joints, seen)
        return {
            "pred_logits": self.class_embed(persons),
            "pred_boxes": boxes,
            "pred_kpt_coord": coords,
            "pred_kpt_logits": logits,
        }

    def grid(self, boxes: Tensor, outside: Tensor | None) -> Tensor:
        """Boxes [B, P, 4] to the points [B, P, y_res, x_res, 2] where their crops look: x, y.

        A box is relative to its image, a point to the image with its padding, whose edges are -1 and 1.
        """
        centre, size = boxes.split(2, -1)  # [B, P, 2] each
        if outside is not None:
            inside = ~outside
            part = torch.stack((inside.any(1).float().mean(1), inside.any(2).float().mean(1)), -1)[:, None]
            centre, size = centre * part, size * part
        (cx, cy), (w, h) = (centre * 2 - 1).unbind(-1), size.unbind(-1)  # [B, P] each
        x = cx[..., None] + w[..., None] * self.x_interpolate  # [B, P, x_res]
        y = cy[..., None] + h[..., None] * self.y_interpolate  # [B, P, y_res]
        return torch.stack(torch.broadcast_tensors(x[:, :, None], y[..., None]), -1)

    def _position(self) -> Tensor:
        """[1, y_res x_res, 512]: sine, and learnt, of which rows first."""
        y_res, x_res = self.pe.shape[-2:]
        rows = self.col_embed.weight[:, :, None].expand(-1, -1, x_res)
        columns = self.row_embed.weight[:, None].expand(-1, y_res, -1)
        return torch.cat((self.pe[0], rows, columns)).flatten(1).T[None]


class JointTransformer(nn.Module):
    """What PRTR does in a crop of pixels, in crops of features, of all persons at once."""

    def __init__(self, channels: int, queries: int, joints: int, layers: int, feedforward: int, dropout: float):
        super().__init__()
        width = 2 * WIDTH
        self.query_embed = nn.Embedding(queries, width)
        self.input_proj = nn.Conv2d(channels, width, 1)
        self.transformer = Transformer(width, HEADS, layers, feedforward, dropout)
        self.coord_predictor = MLP(width, 2)
        self.class_predictor = nn.Linear(width, joints + 1)

    def forward(self, crops: Tensor, position: Tensor, persons: int) -> Tensor:
        """Crops [B, C, P y_res, x_res] of P persons, one below another, to embeddings [layers, B, P, Q, 512];
        position [1, y_res x_res, 512].
        """
        features = self.input_proj(crops).unflatten(2, (persons, -1))  # [B, 512, P, y_res, x_res]
        tokens = features.permute(0, 2, 3, 4, 1).flatten(0, 1).flatten(1, 2)  # [B P, y_res x_res, 512]
        found = self.transformer(tokens, position, self.query_embed.weight)
        return found.unflatten(1, (-1, persons))

    def read(self, found: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings [B, P, Q, 512] of who was looked at in boxes [B, P, 4] to coordinates in the image
        [B, P, Q, 2] and logits [B, P, Q, joints + 1].
        """
        centre, size = boxes[:, :, None].split(2, -1)  # [B, P, 1, 2] each
        coords = ((self.coord_predictor(found) - 0.5) * CONTEXT * size + centre).clamp(0, 1)
        return coords, self.class_predictor(found)


def crop(maps: Tensor, grid: Tensor) -> Tensor:
    """Maps [B, C, h, w] at points [B, P, y, x, 2], -1 to 1 from edge to edge: [B, C, P y, x].

    Bilinear; beyond the edge stands what stands at it (Jaderberg et al., arXiv 1506.02025, section 3.3). Persons
    lie below one another, so that no map is repeated for each of them.
    """
    return F.grid_sample(maps, grid.flatten(1, 2), padding_mode="border", align_corners=False)
