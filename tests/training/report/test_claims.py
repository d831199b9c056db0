"""The verdicts on the published claims as they are shown: terminal, figure, file, page, sheet."""

import csv
import io

import openpyxl
import pytest
from rich.console import Console

from normviz.workbook.book.cells import Book
from normviz.workbook.xlsx.write import workbook_bytes
from tests.training.made_up import FIVE, all_at
from training.experiments.claims import CLAIMS
from training.report.claims import (
    COLUMNS,
    claims_table,
    draw_claims,
    in_one_line,
    write_claims,
    write_claims_csv,
)
from training.report.page import render
from training.report.workbook.claims import build as build_sheet
from training.report.workbook.parts import HOME, start
from training.results.verdicts import judge_all


def test_the_terminal_names_claim_verdict_confidence_and_seeds(made_up_run):
    judgments = judge_all(made_up_run(all_at(FIVE)))
    console = Console(width=200, file=io.StringIO())
    console.print(claims_table(judgments))
    text = console.file.getvalue()
    line = next(line for line in text.splitlines() if "Ghost BatchNorm is the best" in line)
    assert "supported" in line
    assert "< 0.001" in line
    assert "all 4 parts hold" in line
    assert "layer-best" not in text
    assert "claims need whole trials on a full data set: bn-l1-l2" not in text
    assert text.count("whole trials on a full data set") == 1


def test_the_figure_has_a_panel_a_measure_and_a_row_a_comparison(made_up_run, tmp_path):
    judgments = judge_all(made_up_run(all_at(FIVE)))
    figure = draw_claims(judgments)
    rows = [len(axis.get_yticks()) for axis in figure.axes]
    compared = [f for j in judgments for f in j.findings if f.margin]
    assert sum(rows) == len(compared) == 4 + 2 + 2 + 8  # some never cross
    for axis in figure.axes:
        low, high = axis.get_xlim()
        assert low == -high
    write_claims(judgments, tmp_path)
    assert (tmp_path / "claims.png").read_bytes().startswith(b"\x89PNG")
    assert draw_claims(judge_all(made_up_run(all_at({"bn-l1-fixed": 94.0})))) is None


def test_the_csv_has_a_row_a_part_with_its_numbers(made_up_run, tmp_path):
    judgments = judge_all(made_up_run(all_at(FIVE)))
    write_claims_csv(judgments, tmp_path)
    with (tmp_path / "claims.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    findings = [(j, f) for j in judgments if j.can_be_judged for f in j.findings]
    assert len(rows) == len(findings) < sum(len(claim.parts) for claim in CLAIMS)
    for row, (judgment, finding) in zip(rows, findings, strict=True):
        assert row["claim"] == judgment.claim.text
        assert (row["verdict"], row["part_verdict"]) == (judgment.verdict, finding.verdict)
        assert (row["part"], row["measured"]) == (str(finding.part), finding.words)
        assert int(row["seeds"]) == finding.seeds
        if finding.margin is None:
            assert row["margin"] == row["low"] == row["high"] == ""
        else:
            found = [float(row[name]) for name in ("margin", "low", "high")]
            margin = finding.margin
            assert found == pytest.approx([margin.mean, margin.low, margin.high], rel=1e-5)
    best = next(row for row in rows if row["part"] == "gbn ends above bn-l2")
    assert float(best["margin"]) == pytest.approx(0.15)
    assert best["unit"] == "points"


def test_of_a_run_that_no_claim_is_about_the_csv_has_its_header_alone(small_run, tmp_path):
    write_claims_csv(judge_all(small_run), tmp_path)
    assert (tmp_path / "claims.csv").read_text() == ",".join(COLUMNS) + "\n"


def test_the_page_gives_every_claim_its_verdict(small_run):
    page = render(small_run)
    assert "<summary>6 claims need whole trials on a full data set</summary>" in page
    assert '<span class="verdict' not in page
    assert 'href="#claims"' in page


def test_the_sheet_holds_verdicts_and_margins_as_numbers(made_up_run):
    judgments = judge_all(made_up_run(all_at(FIVE)))
    book = Book("claims")
    start(book, HOME, "home", "", 3)
    build_sheet(book, judgments)
    sheet = openpyxl.load_workbook(io.BytesIO(workbook_bytes(book)))["Claims"]
    rows = {row[1]: row for row in sheet.iter_rows(values_only=True) if row[1]}
    assert rows["Ghost BatchNorm is the best of its five"][5] == "supported, p < 0.001"
    found = rows["gbn ends above bn-l2"]
    margin = judgments[0].findings[1].margin
    assert found[2] == "supported"
    assert found[4:8] == pytest.approx((5, margin.mean, margin.low, margin.high))
    assert [claim.text for claim in CLAIMS if claim.text not in rows] == [
        j.claim.text for j in judgments if not j.can_be_judged
    ]
    assert list(rows)[-1] == in_one_line(judgments) != ""
