"""Shows restored pictures beside their sources: panels, sliders and galleries."""
