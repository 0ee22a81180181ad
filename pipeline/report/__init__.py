"""The report of a run: measurements in, one self-contained HTML file out.

`data.ReportData` is all that a report shows; `page.write` makes the file from it.
Only `attention` imports torch.
"""
