"""The restoration networks, one folder each."""
