"""The anatomy network: data, augmentation, training, evaluation, export."""
