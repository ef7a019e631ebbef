"""What a file brought is text wherever it is shown: it steers no terminal and is no markup."""

import ast
import io
import json
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from bench.commands.console import print_pair, print_pair_answer
from bench.commands.rows import RowPrinter
from bench.pair import answer
from bench.regression.findings import Comparison
from bench.report import report
from bench.results.results_file import read_csv, write_csv
from bench.results.rows import Row
from cli import main
from tests.bench.pair.comparisons import compared
from zoo.actions.list_ import markdown_table
from zoo.actions.predict import Guess, Prediction
from zoo.actions.show import Shown, ShownLayer
from zoo.actions.test import Findings, Sample
from zoo.actions.verify import Check
from zoo.artifacts.card import Card
from zoo.artifacts.publishing import publish, publishing
from zoo.commands import console
from zoo.commands.diff import print_differences
from zoo.commands.last_resort import tell
from zoo.data.dataset import Images
from zoo.drawing import plots
from zoo.drawing.differences import ChangedImage, Diff, Effect, LayerDifference, LoneLayer
from zoo.drawing.differences_page import draw_differences
from zoo.drawing.inside import Statistics, Step, View
from zoo.drawing.inside_page import draw_inside
from zoo.drawing.inside_plot import draw_layers
from zoo.drawing.markup import render, tag
from zoo.drawing.projection import Projection
from zoo.errors import ZooError
from zoo.escaping import markdown, printable, printable_lines, visible
from zoo.exporting.readme import readme
from zoo.intervals import Accuracy
from zoo.progress import PlainProgress, RichProgress
from zoo.scores import Calibration

ROOT = Path(__file__).parent.parent
NASTY = (
    "\x1b[2J\x1b]0;pwned\x07",
    "bell\x07",
    "two\nlines\r",
    "<script>alert(1)</script>",
    "a|b",
    "`code`",
    "\u202egpj.exe",
    "half\udcff",
    "$\\frac{$ and $5",
    "[red]x[/blue]",
    "=cmd|' /C calc'!A0",
)
STEERING = {chr(code) for code in range(32) if chr(code) not in "\n\t"} | {"\x7f", "\u202e", "\x9b"}


def harmless(text: str) -> bool:
    """Whether a terminal shows all of it, and nothing else happens."""
    return not STEERING & set(text) and text == text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("name", NASTY, ids=ascii)
class TestTerminal:
    def test_text(self, name: str) -> None:
        assert harmless(printable(name))
        assert "\n" not in printable(name)
        assert harmless(printable_lines(f"a\n{name}"))

    def test_findings(self, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        share = Accuracy(1, 2, 0.5, 0.1, 0.9)
        found = Findings(
            *(name, "f", share, share),
            top5=share,
            calibration=Calibration(0.1, ()),
            per_class={name: share, "b": share},
            scores={},
            confusion=[[1, 0], [0, 1]],
            samples=[Sample(0, name, name, 0.5)],
            files={"images": f"runs/{name}"},
        )
        console.print_findings(found)
        assert harmless(capsys.readouterr().out)

    def test_layers(self, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        values = np.zeros(3, np.float32)
        costs = (0, None, 0, None, name, 0.5)
        layer = ShownLayer(name, "linear", name, (3,), *costs, Statistics.of(values))
        paths = (tmp_path / "x.html", tmp_path / "x.png")
        shown = Shown(name, name, (Guess(name, 0.5),), (layer,), name, name, *paths)
        console.print_shown(shown)
        console.print_shown_json(shown)
        assert harmless(capsys.readouterr().out)
        step = Step(name, "linear", name, 0, values, step_of=name, folded=(name,))
        view = View(
            *(name, name, np.zeros((4, 4, 3), np.uint8), name, [(name, 0.5)], [step], 0),
            *(np.zeros((1, 2, 2, 3), np.uint8), name, 1, np.zeros((2, 2), np.float32)),
            *((name,) * 3, 16, name, name),
        )
        for shown_view in (view, replace(view, image=None, saliency=None)):
            page = draw_inside([shown_view])
            assert harmless(page)
            assert "<script" not in page
        draw_layers([view], tmp_path / "x.png")

    def test_differences(self, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        layer = LayerDifference(name, "b", "linear", name, (3,), "place", name, 1, 1, 1, 1)
        effect = Effect(1, 1, (ChangedImage(0, name, name, name, name),), None, None, None)
        alone = (LoneLayer("B", name, "linear", (3,), name),)
        made = Diff(name, name, name, 0.1, name, (layer,), alone, effect, Path("x.html"))
        print_differences(made)
        assert harmless(capsys.readouterr().out.replace("\t", " "))
        page = draw_differences(made, [np.zeros((4, 4, 3), np.uint8)])
        assert harmless(page)
        assert "<script" not in page

    def test_lists_checks_and_errors(self, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        console.print_list([{"export": name, "model": name}])
        console.print_table([{"export": name, "model": name}])
        console.print_checks([Check(name, name, "ok", name)])
        tell(f"error: {name}")
        said = capsys.readouterr()
        assert harmless(said.out + said.err)
        assert said.out.count("\t") == 3  # of the list's only line, and of the table's two

    def test_guesses(self, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        made = [Prediction(Path(name.replace("/", "")), (Guess(name, 0.5),))]
        made.append(Prediction(Path("x"), problem=name))
        console.print_guesses(console.naming_problems(made, Counter()))
        said = capsys.readouterr()
        assert harmless(said.out + said.err)
        assert said.out.count("\n") == said.err.count("\n") == 1

    def test_rows(self, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        with RowPrinter() as printer:
            printer.add(Row(subject=name, runtime=name, reason=name, status="failed"))
        assert harmless(capsys.readouterr().out)

    def test_comparisons(self, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        texts = {"subject": name, "reference_subject": name, "classes_matched": name}
        row = compared(**texts, runtime_version=name, accuracy_reason=name)
        print_pair(row)
        print_pair_answer([row])
        console.say(*answer.markdown([row]))
        assert harmless(capsys.readouterr().out.replace("\t", " "))

    def test_progress(self, name: str) -> None:
        plain = io.StringIO()
        PlainProgress(plain).say(name)
        rich = RichProgress(still=True)
        rich.console = Console(file=io.StringIO(), force_terminal=True, color_system=None)
        rich.say(name)
        with rich.task(f"accuracy of {name}", 2) as advance:
            advance(1, name)
        assert harmless(plain.getvalue())
        assert "pwned\x07" not in rich.console.file.getvalue()  # type: ignore[attr-defined]

    def test_a_command_and_an_option(self, name: str) -> None:
        for words in ([name], ["list", name], ["predict", f"{name}.onnx", "x.png"]):
            done = CliRunner().invoke(main, words, prog_name="cli.py")
            assert done.exit_code in (1, 2)
            assert harmless(done.output)
        assert harmless(CliRunner().invoke(main, ["list", f"--{name}"], prog_name="cli.py").output)


def lines_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


@pytest.mark.parametrize("name", NASTY, ids=ascii)
class TestMarkup:
    def test_markdown(self, name: str) -> None:
        text = markdown(name)
        assert harmless(text)
        assert not {"\n", "<", ">", "$"} & set(text)
        bare = text.replace("\\\\", "").replace("\\|", "").replace("\\`", "").replace("\\[", "")
        assert not {"|", "`", "["} & set(bare)

    def test_html_and_svg(self, name: str) -> None:
        for made in (render(name), tag("text", name, title=name)):
            assert harmless(made)
            assert "<script" not in made
            made.encode()

    def test_the_readme_of_an_artifact(self, name: str, make_card: Callable[..., Card]) -> None:
        files = {key: replace(file, emulated=9) for key, file in make_card().precisions.items()}
        plain = make_card(precisions=files)
        names = {"class_names": (name, "b"), "dataset": name, "machine": name, "id": name}
        text = readme(make_card(precisions=files, **names))
        assert harmless(text)
        assert "<script" not in text
        assert text.count("\n") == readme(plain).count("\n")
        assert len(lines_of(text)) == len(lines_of(readme(plain)))

    def test_the_report(self, name: str, tmp_path: Path) -> None:
        path = tmp_path / "results.csv"
        row = read_csv(ROOT / "docs" / "results" / "2026-11-21-cpu.csv")[0]
        odd = replace(row, subject=name, model=None, warnings=name, reference=name, machine=name)
        write_csv(path, [row, odd])
        made = report([path], exports=tmp_path / "none")
        page, text = made.html.read_text(), made.markdown.read_text()
        assert harmless(page)
        assert harmless(text)
        assert "<script>alert" not in page + text
        assert harmless("\n".join(map(printable, made.summary.lines())))

    def test_a_comparison(self, name: str) -> None:
        made = Comparison(name, name, name, (), (name,), (name,), (), (name,), strict=False)
        assert harmless(made.markdown())
        assert "<script" not in made.markdown()
        assert harmless("\n".join(made.lines()))

    def test_the_table_of_exports(
        self, name: str, tmp_path: Path, make_card: Callable[..., Card]
    ) -> None:
        from zoo.artifacts.card import manifest_facts

        card = make_card(trained={"epochs": 1.0, "pflop": 0.1, "seconds": 3.0}, dataset=name)
        name = name.replace("/", "").replace("\udcff", "")
        with publishing(name, tmp_path) as folder:
            for precision in card.precisions:
                (folder / f"{precision}.onnx").write_text("nothing")
            publish(name, manifest_facts(card), folder)
        assert harmless(markdown_table(tmp_path))
        assert len(lines_of(markdown_table(tmp_path))) == 3
        done = CliRunner().invoke(main, ["list", "exports", "--exports", str(tmp_path)])
        assert harmless(done.output)
        assert len(done.output.splitlines()) == 1


def test_plots_show_every_name_as_it_is_written(tmp_path: Path) -> None:
    images: Images = np.zeros((len(NASTY), 8, 8, 3), np.uint8)
    points = np.arange(2.0 * len(NASTY)).reshape(-1, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as of a glyph that is missing
        plots.draw_grid(images, NASTY, tmp_path / "grid.png", title=NASTY[0])
        plots.draw_predictions(images, NASTY, NASTY[::-1], tmp_path / "shown.png", title=NASTY[5])
        plots.draw_confusion(np.eye(len(NASTY), dtype=np.int64), NASTY, tmp_path / "confusion.png")
        projection = Projection(points, np.arange(len(NASTY)), NASTY, (NASTY[0], NASTY[8]))
        plots.draw_projection(projection, 20, tmp_path / "latents.png")
    assert plots.drawable("\x1b\u202e\udcff$") == "\\x1b\\u202e\\udcff$"


def test_a_csv_for_a_program_has_the_names_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    names = [name for name in NASTY if "\udcff" not in name]
    console.print_guesses_csv([Prediction(Path("x"), (Guess(name, 0.5),)) for name in names])
    import csv

    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out, newline="")))
    assert [row["class"] for row in rows] == names


def test_json_may_hold_half_a_character(tmp_path: Path) -> None:
    from zoo.files import write_json

    write_json(tmp_path / "x.json", {"name": "half\ud800"})
    assert json.loads((tmp_path / "x.json").read_text()) == {"name": "half\ud800"}


# Where text may be handed to a stream, each through one of the functions above.
SINKS = {
    "zoo/commands/console.py",
    "bench/commands/console.py",
    "zoo/progress.py",
    "zoo/commands/last_resort.py",
}


def test_nothing_else_writes_to_the_terminal() -> None:
    found = set()
    for path in [ROOT / "cli.py", *(ROOT / "zoo").rglob("*.py"), *(ROOT / "bench").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                *("print", "click.echo", "click.secho", "sys.stdout.write", "sys.stderr.write"),
            ):
                found.add(path.relative_to(ROOT).as_posix())
    assert found - {"bench/results/page.py"} <= SINKS  # whose text is our own


def test_an_error_of_the_zoo_is_told_without_what_steers() -> None:
    assert harmless(printable_lines(str(ZooError("\x1b[2J\nnode '\x07'"))))


def test_text_is_made_fit_letter_by_letter_whatever_stands_beside() -> None:
    """Text that is fit as a whole is passed on at once; one letter must not hide behind others."""
    for letter in map(chr, range(0x3100)):
        seen = " " if letter.isspace() else letter if letter.isprintable() else "\ufffd"
        assert visible(letter) == seen
        assert visible(f"a{letter}b") == f"a{seen}b"
        shown = letter if letter.isprintable() else "\ufffd"
        assert printable(f"a{letter}") == f"a{shown}"
