"""NAFNet: its layers and its specification."""
