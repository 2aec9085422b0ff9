"""How little of something else must be mixed into an item's features to change the model's mind."""

from __future__ import annotations

import torch
from torch import Tensor

_PIECE = 1 << 20  # elements of a temporary: 4 MiB of float32


def mixing_ratio(features: Tensor, layer: Tensor, anchors: Tensor) -> Tensor:
    """The least ratio at which an interpolation of features towards an anchor changes the predicted class.

    Source: Parvaneh et al. 2022, Eq. 5: of all interpolations that move an item by a share e of its distance to an
    anchor, the loss of its own prediction rises most, to first order, at z + e |z* - z| g / |g|, with g the gradient of
    that loss. Along this line the scores of a last layer are linear, so the e at which another class overtakes is found
    directly, and of the anchors the farthest counts.

    >>> layer = torch.tensor([[-1., 0.], [1., 0.]])                        # the sign of the one feature decides
    >>> mixing_ratio(torch.tensor([[1.], [-2.]]), layer, torch.tensor([[-1.], [2.]]))    # 1 of 2, and 2 of 4
    tensor([0.5000, 0.5000])

    Args:
        features: (items, features).
        layer: The last layer, bias last, (classes, features + 1).
        anchors: Class means of labeled features, (anchors, features).

    Returns:
        (items,); infinite where no ratio does, as with no anchor or one class.
    """
    features = features if features.is_floating_point() else features.float()
    out = features.new_full((len(features),), torch.inf)
    if len(layer) < 2 or not len(anchors):
        return out
    layer, anchors = layer.to(features), anchors.to(features)
    heads = layer[:, :-1]
    inner = heads @ heads.T  # (classes, classes)
    for start in range(0, len(features), max(1, _PIECE // max(1, *layer.shape))):
        part = features[start : start + max(1, _PIECE // max(1, *layer.shape))]
        scores = torch.addmm(layer[:, -1], part, heads.T)
        own = scores.argmax(1, keepdim=True)
        # The gradient of the loss in the scores, over the chance that the prediction is wrong: only its direction
        # matters, and of a confident item that chance is lost in the rounding of 1 - p.
        blame = scores.scatter(1, own, -torch.inf).softmax(1).scatter_(1, own, -1.0)
        change = blame @ inner  # of the scores along the gradient in the features
        length = (blame * change).sum(1).clamp_(min=0).sqrt_()
        lead = scores.gather(1, own) - scores
        speed = (change - change.gather(1, own)) / length.clamp(min=torch.finfo(length.dtype).tiny).unsqueeze(1)
        meets = torch.where(speed > 0, lead / speed, torch.inf).scatter_(1, own, torch.inf).amin(1)
        far = torch.cdist(part, anchors).amax(1)
        out[start : start + len(part)] = torch.where(far > 0, meets / far, torch.inf)
    return out
