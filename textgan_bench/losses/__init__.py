"""What methods minimise: functions of tensors."""
