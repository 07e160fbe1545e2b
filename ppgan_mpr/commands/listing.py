"""The output of ``mprnet --list``: the known weights with their scores."""

from __future__ import annotations


def print_models() -> None:
    """Print the known weights with their scores."""
    from ..networks import find_network, weights_records

    records = weights_records()
    print(
        "Fewer GMACs (billion multiply-adds for 256x256 pixels) are faster. More dB on the same\n"
        "test set by the same [protocol] are better. Weights with an address are downloaded on\n"
        "first use.\n"
    )
    indent = max(len(record.name) for record in records) + 2
    for record in records:
        size = f"{record.parameters / 1e6:.1f} M parameters"
        work = f"{record.gmacs:.0f} GMACs" if record.gmacs else ""
        bring = "your own file (--weight_path)"
        where = record.url or ("embedded" if record.resource else bring)
        title = find_network(record.network).title
        print(f"{record.name:{indent}}{title:10} {size:18} {work:10} {where}")
        for score in record.scores:
            ssim = "" if score.ssim is None else f" / {score.ssim:.4f}"
            local = _local_use(score.local, record.local)
            print(
                f"{'':{indent}}{score.dataset}: {score.psnr:.2f} dB{ssim}{local}  "
                f"[{score.protocol}; {score.source}]"
            )
        if record.note:
            print(f"{'':{indent}}{record.note}")
        if record.weakness:
            print(f"{'':{indent}}These weights {record.weakness}.")
        print(f"{'':{indent}}licence: {record.licence}")


def _local_use(scored: bool, default: bool) -> str:
    """Says whether a score is with the test-time local converter (TLC).

    If that is not the default, the flag for it is added.
    """
    if scored:
        return " with TLC" if default else " with TLC (--local)"
    return " without TLC (--no-local)" if default else ""
