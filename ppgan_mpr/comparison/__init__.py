"""Showing restored pictures beside what they were made of: panels, sliders and galleries."""
