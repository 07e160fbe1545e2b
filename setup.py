"""All metadata lives in pyproject.toml; this file keeps `python setup.py` users working."""

from setuptools import setup

setup()
