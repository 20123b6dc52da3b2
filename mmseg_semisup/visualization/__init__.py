"""Pictures of predictions and training signals."""
