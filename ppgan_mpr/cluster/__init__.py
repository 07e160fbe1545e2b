"""Bulk restoration: a folder, an object store or tar shards, on one machine or a Ray cluster."""
