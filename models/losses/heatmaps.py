"""The heat maps' loss: half the mean squared error, joints weighted."""

from torch import Tensor

from posebeam.transforms.errors import ConfigError


def joint_mse(predicted: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Maps [B, K, h, w] and their targets to the mean over joints of half the mean squared error, a scalar.

    weight [B, K] multiplies both maps, so it counts squared; joints of weight 0 still count in the mean.
    Source: JointsMSELoss of github.com/microsoft/human-pose-estimation.pytorch (Xiao et al., arXiv 1804.06208);
    HRNet's, TransPose's and BTranspose's are the same.
    """
    check_maps(predicted, target, weight)
    away = predicted.float() - target.float()  # half precision would lose the tails of the targets
    if weight is not None:
        away = away * weight.float()[..., None, None]
    return away.square().mean() / 2


def check_maps(predicted: Tensor, target: Tensor, weight: Tensor | None) -> None:
    """ConfigError unless maps are [B, K, h, w] both and weights [B, K]: broadcasting would hide a mistake."""
    if predicted.dim() != 4 or predicted.shape != target.shape:
        raise ConfigError(
            f"maps {list(predicted.shape)}, targets {list(target.shape)}: expected [B, K, h, w] twice"
        )
    if weight is not None and weight.shape != predicted.shape[:2]:
        raise ConfigError(f"weights {list(weight.shape)}: expected [B, K] = {list(predicted.shape[:2])}")
