"""What can run a network: each backend turns a batch of pictures into restored ones."""
