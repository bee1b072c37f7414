"""NetVLAD weights from one pooling baseline's layout to the other's, and back.

    python -m common.convert_checkpoint NETVLAD_v2.pth.tar --to TemporallyAwarePooling -o OUT

`Pooling` stores the layer cluster by cluster (`conv.weight`, `centroids`), `TemporallyAwarePooling`
feature by feature (`clusters`, `clusters2`), and so the classifier's columns stand in another
order. The network is the same: both give the same confidences, to rounding.
"""

from collections.abc import Callable
from typing import Any

from common.errors import UserError, run_cli
from common.pooling.layouts import StateDict, to_pooling, to_temporally_aware_pooling
from common.training.argument_types import file_to_write, place
from common.training.checkpoints import read_checkpoint, save_checkpoint
from common.training.flags import new_parser

TARGETS: dict[str, Callable[[StateDict], StateDict]] = {
    "TemporallyAwarePooling": to_temporally_aware_pooling,
    "Pooling": to_pooling,
}


def main() -> None:
    """Converts one file. The optimiser's state is left out: it belongs to the old layout."""
    parser = new_parser(
        "python -m common.convert_checkpoint",
        __doc__ or "",
        usage="%(prog)s FILE --to BASELINE -o OUT",
    )
    parser.add_argument("checkpoint", type=place, help="file to read")
    parser.add_argument("--to", choices=TARGETS, required=True, help="whose layout to write")
    parser.add_argument("-o", "--output", type=file_to_write, required=True, help="file to write")
    args = parser.parse_args()
    content = read_checkpoint(args.checkpoint)
    if args.output.exists() and args.output.samefile(args.checkpoint):
        raise UserError(
            f"{args.output} is the file to read, and a run could not be resumed from what would be "
            "written; choose another name for -o"
        )
    kept: dict[str, Any] = {
        name: content[name] for name in ("epoch", "best_loss", "classes") if name in content
    }
    converted = TARGETS[args.to](content["state_dict"])
    save_checkpoint(args.output, {**kept, "state_dict": converted})
    print(f"{args.output}: weights of {args.to} --pool NetVLAD")


if __name__ == "__main__":
    run_cli(main)
