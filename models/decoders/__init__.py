"""From network outputs to keypoints: pure functions on tensors."""
