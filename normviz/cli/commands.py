"""The command `normviz`: workbook, explain, verify, show; exercise and grade for a class.

Bad input ends with exit status 2 and one line on standard error, an interruption with 130; what a
command needs is imported when it runs, so that help is instant and torch stays optional.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from normviz.cli.classroom import add_exercise, add_grade
from normviz.cli.ending import one_sentence
from normviz.cli.parser import Parser
from normviz.cli.tensor_arguments import (
    TENSOR_HELP,
    add_call_arguments,
    add_slice_arguments,
    given_files,
    read_call,
    workbook_call,
)
from normviz.cli.values import at_least_one, named_shape
from normviz.errors import visible
from normviz.files import check_place
from normviz.norms.declared import NORMS
from normviz.norms.words import listed
from normviz.tensors.files import split_place

if TYPE_CHECKING:
    from normviz.workbook.sheets.subject.case import Settings


class CommandError(Exception):
    """One sentence for the user; the command ends with status 2."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    >>> main(["workbook", "--shape", "0,4"])
    2
    """

    def run() -> int:
        options = build_parser().parse_args(arguments)
        status: int = options.run(options)
        return status

    return one_sentence(run, (CommandError, ValueError, TypeError, ModuleNotFoundError))


def build_parser() -> argparse.ArgumentParser:
    """The parser with every command."""
    parser = Parser(prog="normviz", description="Normalization by hand and in a spreadsheet.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_workbook(commands)
    _add_explain(commands)
    _add_show(commands)
    _add_verify(commands)
    add_exercise(commands)
    add_grade(commands)
    return parser


def _add_workbook(commands: "argparse._SubParsersAction[Parser]") -> None:
    parser = commands.add_parser("workbook", help="make a step-by-step workbook")
    add = parser.add_argument
    output = "a .xlsx or .html file (normalization.xlsx; --exercise: exercise.xlsx)"
    add("-o", "--output", metavar="FILE", help=output)
    shapes = (
        "shape of x: images N,C,H,W, tokens N,T,D, rows N,D or volumes N,C,D,H,W; others by the "
        "names of their axes: n=2,c=4,l=6 for signals N,C,L, n=4,c=6 for samples N,C"
    )
    add("--shape", metavar="N,C,H,W", help=f"{shapes} (4,4,2,2; --exercise: 2,4,1,2)")
    users = {
        part: listed(n.title for n in NORMS.values() if part in (s.parts for s in n.sizes))
        for part in ("groups", "splits")
    }
    groups = f"of channels, for {users['groups']}; heads of a token's features (smallest divisor)"
    add("--groups", metavar="G", type=int, help=groups)
    also = "a sheet for sets of your own too, a pattern such as 'n [c] h w'; may be repeated (none)"
    add("--also", metavar="SETS", action="append", default=[], help=also)
    splits = f"of the batch, for {users['splits']} (smallest divisor)"
    add("--splits", metavar="S", type=int, help=splits)
    add("--eps", metavar="E", type=float, help="added to the variance (1e-5; --exercise: 0.1)")
    add("--seed", metavar="K", type=int, default=0, help="other numbers in x and dy (0)")
    add(
        "--previews",
        action="store_true",
        help="a PNG of each sheet too, in previews/ (needs LibreOffice, poppler and Pillow)",
    )
    add("--exercise", action="store_true", help="steps to fill in; answers in FILE-answers.xlsx")
    parser.set_defaults(run=_workbook)


def _add_explain(commands: "argparse._SubParsersAction[Parser]") -> None:
    parser = commands.add_parser("explain", help="a workbook of one op on your own tensor")
    parser.add_argument("tensor", metavar="TENSOR", help=TENSOR_HELP)
    add_call_arguments(parser)
    add_slice_arguments(parser)
    output = "a .xlsx or .html file (explained.xlsx)"
    parser.add_argument("-o", "--output", metavar="FILE", default="explained.xlsx", help=output)
    parser.set_defaults(run=_explain)


def _add_show(commands: "argparse._SubParsersAction[Parser]") -> None:
    parser = commands.add_parser("show", help="every step of one op as tables in the terminal")
    what = f"{TENSOR_HELP}; without it, the numbers of the workbook"
    parser.add_argument("tensor", metavar="TENSOR", nargs="?", help=what)
    add_call_arguments(parser, op="batch_norm")
    add_slice_arguments(parser)
    parser.set_defaults(run=_show)


def _add_verify(commands: "argparse._SubParsersAction[Parser]") -> None:
    parser = commands.add_parser("verify", help="the largest errors against torch, layer by layer")
    parser.set_defaults(run=_verify)


def _workbook(options: argparse.Namespace) -> int:
    from normviz.workbook.exercise.exercise import SETTINGS
    from normviz.workbook.sheets.subject.case import Settings

    default = SETTINGS if options.exercise else Settings()
    shape, axes = (default.shape, ()) if options.shape is None else named_shape(options.shape)
    settings = Settings(
        shape=shape,
        groups=at_least_one("groups", options.groups),
        splits=at_least_one("splits", options.splits),
        eps=default.eps if options.eps is None else options.eps,
        seed=options.seed,
        also=tuple(options.also),
        axes=axes,
    )
    if options.exercise and (options.also or len(settings.shape) != 4):
        raise CommandError("an exercise is about images N,C,H,W and has no sheet of your own sets")
    name = "exercise.xlsx" if options.exercise else "normalization.xlsx"
    suffixes = (".xlsx",) if options.exercise or options.previews else ()
    path = _output(name if options.output is None else options.output, suffixes)
    for written in _written(path, settings, options.exercise):
        print(visible(str(written)))
        if options.previews:
            _previews(written)
    return 0


def _written(path: Path, settings: "Settings", exercise: bool) -> Sequence[Path]:
    """Write the workbook, or an exercise and its answers; every file that was written."""
    if exercise:
        from normviz.workbook.exercise.exercise import write_exercise

        return write_exercise(path, settings)
    from normviz.workbook.build import build
    from normviz.workbook.write import save

    return [save(build(settings), path)]


def _explain(options: argparse.Namespace) -> int:
    path = _output(options.output)
    for place in (options.tensor, *given_files(options)):
        file, _ = split_place(place)
        if path.exists() and file.exists() and path.samefile(file):
            raise CommandError(f"-o {options.output} is the tensor's own file: give another name")
    norm, x, arguments = read_call(options)
    from normviz.workbook.explain.explain import explain_op

    chosen = {name: getattr(options, name) for name in ("samples", "channels", "pixels")}
    explain_op(norm, x, path, source=options.tensor, **chosen, **arguments)
    print(visible(str(path)))
    return 0


def _show(options: argparse.Namespace) -> int:
    from normviz.cli.show import needs_rich, show

    needs_rich()
    if options.tensor is None:
        norm, x, arguments = workbook_call(options)
    else:
        norm, x, arguments = read_call(options)
    from normviz.workbook.explain.explain import fresh_call
    from normviz.workbook.explain.selection import select

    made = fresh_call(norm, x, **arguments).trace
    show(made, select(made.sets, options.samples, options.channels, options.pixels))
    return 0


def _previews(path: Path) -> None:
    from normviz.workbook.xlsx import libreoffice

    folder = path.parent / "previews"
    folder.mkdir(exist_ok=True)
    try:
        made = libreoffice.previews(path, folder)
    except libreoffice.PreviewError as error:
        raise CommandError(str(error)) from None
    for picture in made:
        print(visible(str(picture)))


def _verify(options: argparse.Namespace) -> int:
    from normviz.torch_models.verify.standard_layers import verify_all

    reports = verify_all()
    wide = max(len(report.layer) for report in reports)
    print(
        f"{'verdict':<8} {'layer':<{wide}} {'dtype':<8} {'mode':<11} {'largest error':>13}  tensor"
    )
    for report in reports:
        worst = report.worst
        print(
            f"{'PASS' if report else 'FAIL':<8} {report.layer:<{wide}} {report.dtype:<8} "
            f"{'training' if report.training else 'evaluation':<11} {worst.relative:>13.1e}  "
            f"{worst.tensor}"
        )
    passed = sum(bool(report) for report in reports)
    print(f"{passed} of {len(reports)} pass (errors relative to each number's own terms)")
    return 0 if passed == len(reports) else 1


def _output(name: str, suffixes: Sequence[str] = ()) -> Path:
    """The path to write, refused before any work is done where it cannot be written."""
    from normviz.workbook.write import SUFFIXES

    path, suffixes = Path(name), suffixes or SUFFIXES
    if path.suffix.lower() not in suffixes:
        raise CommandError(
            f"-o must name a file that ends in {' or '.join(suffixes)}, got {name!r}"
        )
    return check_place(path)
