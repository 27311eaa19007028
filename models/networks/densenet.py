"""DenseNet121 without its classifier: a frame to the features that the hybrid classifier takes.

Source: Huang et al., arXiv 1608.06993; torchvision's weights and names. Keras' DenseNet121 without top, average
pooled, is the same network: 2e-7 apart under the same weights.
"""

import re
from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import densenet121

# The published file is older than its network: norm.1 and conv.1 in dense layers are norm1 and conv1 today.
_OLD = re.compile(r"(?<=\.)(norm|conv)\.([12])(?=\.)")


class DenseNetFeatures(nn.Module):
    """torchvision's DenseNet121 up to the mean over cells; its tensors are named `features. ...` as there."""

    def __init__(self) -> None:
        super().__init__()
        self.features = densenet121(weights=None).features

    def forward(self, images: Tensor) -> Tensor:
        """RGB [B, 3, H, W], normalised by ImageNet's mean and deviation, to features [B, 1024]."""
        return F.relu(self.features(images)).mean((2, 3))

    def renamed(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A published state by today's names, without the classifier."""
        return {
            _OLD.sub(r"\1\2", name): value for name, value in state.items() if not name.startswith("classifier.")
        }
