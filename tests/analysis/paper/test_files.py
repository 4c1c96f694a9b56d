import csv
import io
import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from analysis.paper import Board, paper_files, paper_tables
from analysis.study import CorpusInfo, StudyInfo
from tests.analysis.paper.cells import PAPERS, TWIN, family, flat, papers_study, results_of

AWKWARD = '50 % of_Müller & Łódź #1 {x} [y] *z* <a> | "b" c--d ~e^f \\g $h$ 日本'


@pytest.fixture(scope="module")
def files():
    return paper_files(Board(results_of(*papers_study(), *papers_study("merged")), PAPERS))


def test_every_table_has_its_three_forms_and_every_figure_its_three(files):
    tables = ("table1", "table2", "table3", "table4_1", "table4_2")
    wanted = {f"paper/{name}.{form}" for name in tables for form in ("tex", "md", "csv")}
    wanted |= {
        f"paper/{name}.{form}" for name in ("figure2", "figure3") for form in ("pdf", "svg", "png", "csv")
    }
    assert set(files) == wanted | {"paper/paper.tex", "paper/table3_comparisons.csv"}


def test_the_document_shows_every_table_and_figure_that_there_is(files):
    text = files["paper/paper.tex"]
    assert {f"paper/{name}.tex" for name in re.findall(r"\\input\{(\w+)\}", text)} == {
        name for name in files if re.fullmatch(r"paper/table\w+\.tex", name)
    }
    assert re.findall(r"\{(\w+\.pdf)\}", text) == ["figure2.pdf", "figure3.pdf"]


def test_csv_is_long_with_intervals_and_p_values(files):
    rows = list(csv.DictReader(io.StringIO(files["paper/table3.csv"])))
    after = next(row for row in rows if row["row"] == "AFTER (20 %)" and row["metric"] == "ua")
    assert float(after["low"]) < float(after["mean"]) < float(after["high"])
    assert 0 < float(after["p_nadeau_bengio"]) <= float(after["p_nadeau_bengio_holm"]) < 0.05
    assert after["dagger"] == "True"


def test_markdown_has_bold_and_daggers(files):
    text = files["paper/table3.md"]
    assert "| AFTER (20 %) | 75.00† | 76.07 |" in text
    assert "**80.00**" in text


def test_the_tables_of_a_page_are_those_of_the_files():
    tables = paper_tables(Board(results_of(*papers_study()), PAPERS))
    assert [table.name for table in tables] == ["table1", "table2", "table3", "table4"]
    assert all(len(row) == len(table.flat().columns) for table in tables for row in table.flat().rows)


def test_a_study_that_has_nothing_of_the_paper_gives_no_files():
    cells = family(flat(0.6), strategy="none", percents=(100,), seconds=lambda *_: float("nan"))
    assert paper_files(Board(results_of(cells), StudyInfo("single"))) == {}


def test_a_study_that_never_finished_a_cell_of_a_family_is_told_as_far_as_it_got():
    results = results_of(
        family(flat(0.6), strategy="random"), family(flat(0.6)), lost=lambda row: row["strategy"] == "entropy"
    )
    files = paper_files(Board(results, TWIN))
    assert "functionals, entropy, clustering init. (20 %) | — | — |" in files["paper/table3.md"]


@pytest.mark.filterwarnings("ignore:Glyph")  # of the picture's font
@pytest.mark.parametrize("study", ["papers", "awkward"])
def test_the_document_compiles(files, study, tmp_path):
    if shutil.which("pdflatex") is None:
        pytest.skip("missing here: pdflatex (texlive-latex-base, texlive-latex-recommended, lmodern)")
    if study == "awkward":
        method = AWKWARD
        results = results_of(
            family(flat(0.6), method=method, strategy="random"), family(flat(0.7), method=method)
        )
        corpora = {"emodb": CorpusInfo(counts={"emodb": {AWKWARD: 3, "sad": 4}})}
        files = paper_files(Board(results, replace(TWIN, name=AWKWARD, corpora=corpora)))
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path / "paper", capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull \\hbox" not in done.stdout, done.stdout
    assert (tmp_path / "paper" / "paper.pdf").stat().st_size > 10_000
