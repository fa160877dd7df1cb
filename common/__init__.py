"""What the seven apps share: layers, losses, data, training, artifacts, reports."""
