from __future__ import annotations

import argparse
import dataclasses

import pytest

from ppgan_mpr import InferenceOptions
from ppgan_mpr.commands.inference_flags import add_inference_flag

# A flag of an option with the default True or False only switches it on, so options that are on
# by default are left out here.
OPTIONS = {o.name: o for o in InferenceOptions.documented() if o.default is not True}


@pytest.fixture
def parser():
    """A parser with the flags of all options."""
    parser = argparse.ArgumentParser()
    for option in OPTIONS.values():
        add_inference_flag(parser, option)
    return parser


def test_no_flags_give_the_default_options(parser):
    given = InferenceOptions(**vars(parser.parse_args([])))
    assert given == InferenceOptions()


def test_values_have_the_types_of_the_options(parser):
    arguments = parser.parse_args(["--tile", "256", "--memory", "2G", "-j", "3", "--ensemble"])
    assert (arguments.tile, arguments.memory, arguments.jobs) == (256, "2G", 3)
    assert arguments.ensemble is True


def test_hyphens_and_underscores_are_the_same(parser):
    assert parser.parse_args(["--max_size", "64"]) == parser.parse_args(["--max-size", "64"])


def test_choices_are_accepted_in_any_case(parser):
    assert parser.parse_args(["--backend", "OpenVINO", "-m", "LITE"]).backend == "openvino"
    with pytest.raises(SystemExit):
        parser.parse_args(["--backend", "tensorrt"])


@pytest.mark.parametrize(
    ("flags", "local"), [([], None), (["--local"], True), (["--no-local"], False)]
)
def test_default_of_the_weights_can_be_overridden_both_ways(parser, flags, local):
    assert parser.parse_args(flags).local is local


def test_command_may_have_a_default_of_its_own(capsys):
    parser = argparse.ArgumentParser()
    add_inference_flag(parser, OPTIONS["precision"], "f32")
    assert parser.parse_args([]).precision == "f32"
    assert "(default: f32)" in parser.format_help()


def test_help_of_every_option_is_in_the_usage(parser):
    text = " ".join(parser.format_help().split())
    for option in OPTIONS.values():
        assert " ".join(option.metadata["help"].split()[:4]) in text
    assert {field.name for field in dataclasses.fields(InferenceOptions)} >= set(OPTIONS)
