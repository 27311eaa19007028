"""From network outputs and truth to what training lowers: functions on tensors."""
