import pytest

from ppgan_mpr.commands.flags import as_flags


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("use existing='overwrite' or existing='skip'.", "use --overwrite or --skip-existing."),
        ("scale=9: give less", "--scale 9: give less"),
        ("jobs=-1: give more", "--jobs -1: give more"),
        ("made with strength=1.0.", "made with --strength 1.0."),
        ("local=True is not for it", "--local is not for it"),
        ("Give task=, one of these.", "Give --task, one of these."),
        ("choose backend='paddle'.", "choose --backend paddle."),
        ("suffix='qoi': no", "--format qoi: no"),
        ("leave it out with allow_loss=True", "leave it out with --allow-loss"),
        ("the right one too (right=).", "the right one too (--right_image)."),
        # names of files
        ("frame=001.jpg cannot be read", "frame=001.jpg cannot be read"),
        ("local=True.jpg cannot be read", "local=True.jpg cannot be read"),
        ("no file scale=4.jpg.", "no file scale=4.jpg."),
        ("a/scale=4 cannot be read", "a/scale=4 cannot be read"),
        ("unknown=3 stays", "unknown=3 stays"),
    ],
)
def test_options_become_flags_and_file_names_stay(message, shown):
    assert as_flags(message) == shown


def test_a_command_may_have_other_flags():
    assert as_flags("load='x' or task=", {"load": "--load"}) == "--load x or task="
