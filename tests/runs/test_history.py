from pathlib import Path

import pandas as pd

from zoo.runs.history import EpochRow, read_history, write_history

ROWS = [
    EpochRow(1.0, 8, 0.1, 1.5, 0.5, None, None, 0.25, 1024.0),
    EpochRow(1.5, 12, 0.1 + 0.2, 1.2, 0.6, 1.3, 0.55, 0.5, 1000.0),
]


def test_rows_come_back_exactly(tmp_path: Path) -> None:
    write_history(tmp_path / "history.csv", ROWS)
    assert read_history(tmp_path / "history.csv") == ROWS


def test_pandas_reads_numbers_and_gaps(tmp_path: Path) -> None:
    write_history(tmp_path / "history.csv", ROWS)
    table = pd.read_csv(tmp_path / "history.csv")
    assert table["step"].tolist() == [8, 12]
    assert table["validation_accuracy"].isna().tolist() == [True, False]
