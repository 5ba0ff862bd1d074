"""What the data is like, and what is wrong with it: `inspect` makes the report, `show` and `page` present it."""

from serendip.service.inspect.page import page
from serendip.service.inspect.report import DataReport, inspect
from serendip.service.inspect.sources import of_files, of_project
from serendip.service.inspect.text import show

__all__ = ["DataReport", "inspect", "of_files", "of_project", "page", "show"]
