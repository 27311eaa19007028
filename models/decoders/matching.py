"""PRTR's read-out: each joint gets a query of its own, so that the sum of their scores is greatest."""

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor


def matched(scores: Tensor) -> Tensor:
    """Scores [..., Q, K] of Q queries for K <= Q joints to the query of each joint, int64 [..., K]."""
    tables = scores.detach().flatten(0, -3).float().cpu().numpy()
    queries = [linear_sum_assignment(table.T, maximize=True)[1] for table in tables]
    found = np.array(queries, np.int64).reshape(*scores.shape[:-2], scores.shape[-1])
    return torch.from_numpy(found).to(scores.device)


def two_stage(logits: Tensor, coords: Tensor, background: bool = False) -> Tensor:
    """Logits [B, Q, K + 1] (no joint last) and coords [B, Q, 2] to [B, K, 3]: x and y in fractions, score.

    The score is the softmax over the joints; with background over no joint too.
    Source: Li et al. (PRTR), arXiv 2104.06976, section 3.2; get_final_preds_match of github.com/mlpc-ucsd/PRTR.
    """
    score = logits.softmax(-1)[..., :-1] if background else logits[..., :-1].softmax(-1)
    return _taken(score, score, coords)


def sequential(logits: Tensor, coords: Tensor) -> Tensor:
    """Logits [B, P, Q, K + 1] (no joint FIRST) and coords [B, P, Q, 2] to [B, P, K, 3]: x, y, score.

    Matched by the bare logits, as published; the publication gives no score: here it is the softmax over all
    K + 1. x and y are in the units of coords. Source: sequential/annotated_prtr.ipynb of the same repository.
    """
    return _taken(logits[..., 1:], logits.softmax(-1)[..., 1:], coords)


def _taken(benefit: Tensor, score: Tensor, coords: Tensor) -> Tensor:
    """coords [..., Q, 2] and score [..., Q, K] at the queries matched by benefit [..., Q, K]: [..., K, 3]."""
    query = matched(benefit)
    xy = coords.gather(-2, query[..., None].expand(*query.shape, 2))
    return torch.cat((xy, score.gather(-2, query[..., None, :]).transpose(-1, -2)), -1)
