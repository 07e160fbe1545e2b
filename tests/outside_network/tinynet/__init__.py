"""A restoration network in a package of its own; docs/add_a_network.md explains it."""
