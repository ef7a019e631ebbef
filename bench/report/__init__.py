"""Results as tables, plots and one self-contained page.

import bench.report
bench.report.report([Path("results.csv")])
"""

from bench.report.writing import Report, report

__all__ = ["Report", "report"]
